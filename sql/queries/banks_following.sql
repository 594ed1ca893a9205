-- What live indexes, and anybody else, read to follow the banks.
--
-- A position is a snapshot in Postgres's sense (pg_current_snapshot() as text): it says for every transaction
-- whether its changes have been seen. "Rows after the last id" would lose changes, as transactions commit in
-- another order than they take ids; and waiting until all older transactions are over would let one long
-- import hold everybody up. bank_content is its own log: each row carries the transaction that changed it
-- last, and a removed row stays for a while. Reading costs what it returns, by the index (changed_xid, id).

-- name: log_identity()$
-- What must be equal for a position to mean anything: the log, its cluster, its database and the time line
-- (another one after a fail-over or a restore to a point in time). One row.
SELECT concat_ws('/', l.identity, s.system_identifier, c.timeline_id, d.oid)
FROM bank_log AS l, pg_control_system() AS s, pg_control_checkpoint() AS c, pg_database AS d
WHERE d.datname = current_database();

-- name: adopt_foreign_changes()$
-- Rows restored into a new cluster name transactions that are yet to come there: they are stamped anew, and
-- the log gets another identity, so that nobody goes on from an old position. True when that happened.
WITH foreign_rows AS (
    UPDATE bank_content SET note = note
    WHERE changed_xid >= pg_snapshot_xmax(pg_current_snapshot()) RETURNING 1
), renamed AS (
    UPDATE bank_log SET identity = gen_random_uuid(), pruned_below = '0'
    WHERE EXISTS (SELECT FROM foreign_rows) RETURNING 1
)
SELECT EXISTS (SELECT FROM renamed);

-- name: current_position()$
-- On a standby a snapshot does not name the transactions that were running; whoever goes on from their oldest misses
-- none of them, and reads some changes twice.
SELECT CASE WHEN pg_is_in_recovery() THEN concat(pg_snapshot_xmin(now), ':', pg_snapshot_xmin(now), ':')
            ELSE now::text END
FROM (SELECT pg_current_snapshot() AS now) AS snapshot;

-- name: position_is_kept(position)$
-- Whether all that changed after this position can still be read; false once newer removals were purged. One row.
SELECT pg_snapshot_xmin(CAST(:position AS text)::pg_snapshot) >= pruned_below FROM bank_log;

-- name: contents_from(xid, id, page, own)
-- Contents whose last change is that of (xid, id) or later, in order, as they are now, each with its signals; bank 0
-- for removed ones; without those of the transactions in `own`. The limit and the look-up for each row are what
-- makes the planner use the indexes.
SELECT c.changed_xid::text AS xid, c.id, c.bank_id, c.disable_until_ts, s.type, s.value
FROM (
    SELECT changed_xid, id, CASE WHEN removed_at IS NULL THEN bank_id ELSE 0 END AS bank_id, disable_until_ts
    FROM bank_content
    WHERE (changed_xid, id) > (CAST(CAST(:xid AS text) AS xid8), :id)
      AND changed_xid <> ALL (CAST(CAST(:own AS text[]) AS xid8[]))
    ORDER BY changed_xid, id LIMIT :page
) AS c
LEFT JOIN LATERAL (
    SELECT s.type, coalesce(s.long_value, s.value) AS value
    FROM content_signals AS cs JOIN signals AS s ON s.id = cs.signal_id
    WHERE cs.content_id = c.id OFFSET 0
) AS s ON true
ORDER BY c.changed_xid, c.id;

-- name: contents_of(xids)
-- The same for what these transactions changed last: they were running at a position. By the index
-- bank_content_by_change.
SELECT c.id, c.bank_id, c.disable_until_ts, s.type, s.value
FROM unnest(CAST(:xids AS text[])) AS x (xid)
CROSS JOIN LATERAL (
    SELECT id, CASE WHEN removed_at IS NULL THEN bank_id ELSE 0 END AS bank_id, disable_until_ts
    FROM bank_content WHERE changed_xid = CAST(x.xid AS xid8) OFFSET 0
) AS c
LEFT JOIN LATERAL (
    SELECT s.type, coalesce(s.long_value, s.value) AS value
    FROM content_signals AS cs JOIN signals AS s ON s.id = cs.signal_id
    WHERE cs.content_id = c.id OFFSET 0
) AS s ON true;

-- name: states_page(after, page)
-- Where the contents are that are not removed, by id, for an index that is loaded from nothing. A page of the primary
-- key; removed rows are read and passed over.
SELECT id, bank_id, disable_until_ts FROM bank_content
WHERE removed_at IS NULL AND id > :after ORDER BY id LIMIT :page;

-- name: signals_page(type, after, page)
-- The contents of so many signals of a type, by signal; a signal without content gives a row with id NULL.
SELECT p.id AS signal_id, c.id, p.value
FROM (
    SELECT id, coalesce(long_value, value) AS value
    FROM signals WHERE type = :type AND id > :after ORDER BY id LIMIT :page
) AS p
LEFT JOIN (content_signals AS cs JOIN bank_content AS c ON c.id = cs.content_id AND c.removed_at IS NULL)
    ON cs.signal_id = p.id
ORDER BY p.id;

-- name: changes_page(after_xid, after_id, page, signal_type)
-- Contents in the order of their last change, of transactions older than every running one: what is still to
-- come is behind all of them. From the index (changed_xid, id); contents without a signal of the type asked for are
-- read and passed over.
SELECT c.id, c.changed_xid::text AS xid, c.disable_until_ts, c.updated_at,
       c.removed_at IS NOT NULL OR b.removed_at IS NOT NULL AS removed, b.name AS bank_name
FROM bank_content AS c
JOIN banks AS b ON b.id = c.bank_id
WHERE (c.changed_xid, c.id) > (CAST(CAST(:after_xid AS text) AS xid8), :after_id)
  AND c.changed_xid < pg_snapshot_xmin(pg_current_snapshot())
  AND (CAST(:signal_type AS text) IS NULL OR EXISTS (
      SELECT FROM content_signals AS cs JOIN signals AS s ON s.id = cs.signal_id
      WHERE cs.content_id = c.id AND s.type = :signal_type
  ))
ORDER BY c.changed_xid, c.id LIMIT :page;

-- name: pruned_below()$
-- The transaction below which removed contents are gone for good. One row.
SELECT pruned_below::text FROM bank_log;

-- name: remove_orphans(most)$
-- Removes contents of removed banks; how many. From bank_content_by_bank, so many rows at most; a removed bank
-- without contents costs one step.
WITH orphans AS (
    SELECT c.id
    FROM banks AS b
    CROSS JOIN LATERAL (
        SELECT id FROM bank_content WHERE bank_id = b.id AND removed_at IS NULL LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS c
    WHERE b.removed_at IS NOT NULL
    LIMIT :most
), removed AS (
    UPDATE bank_content SET removed_at = now(), removed_by = NULL, hidden = false
    WHERE id IN (SELECT id FROM orphans) RETURNING 1
)
SELECT count(*) FROM removed;

-- name: purge_removed(older_than_s, most)$
-- Deletes contents that were removed long ago; a follower with an older position loads anew. How many. From
-- bank_content_by_removal, so many rows at most.
WITH gone AS (
    DELETE FROM bank_content
    WHERE id IN (
        SELECT id FROM bank_content
        WHERE removed_at < now() - make_interval(secs => CAST(:older_than_s AS double precision)) AND NOT hidden
        LIMIT :most
    )
    RETURNING changed_xid
), noted AS (
    UPDATE bank_log
    SET pruned_below = greatest(pruned_below, (SELECT max(changed_xid::text::bigint) + 1 FROM gone)::text::xid8)
    WHERE EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone;
