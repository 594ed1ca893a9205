-- Signals and the log of their changes, for live indexes that follow them.
--
-- A position in the log is a snapshot in Postgres's sense (pg_current_snapshot() as text): it says for every
-- transaction whether its changes have been seen. "Rows after the last id" would lose changes, as transactions
-- commit in another order than they take ids; and waiting until all older transactions are over would
-- let one long import hold everybody up.

-- name: log_identity()$
-- What must be equal for a position to mean anything: the log, its cluster, its database and the time line
-- (another one after a fail-over or a restore to a point in time).
SELECT concat_ws('/', l.identity, s.system_identifier, c.timeline_id, d.oid)
FROM signal_log AS l, pg_control_system() AS s, pg_control_checkpoint() AS c, pg_database AS d
WHERE d.datname = current_database();

-- name: forget_foreign_changes()$
-- A log that was restored into a new cluster names transactions that are yet to come there: it is emptied, and
-- gets a new identity, so that nobody goes on from an old position. True when that happened.
WITH foreign_rows AS (
    DELETE FROM signal_changes WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) RETURNING 1
), renamed AS (
    UPDATE signal_log SET identity = gen_random_uuid() WHERE EXISTS (SELECT FROM foreign_rows) RETURNING 1
)
SELECT EXISTS (SELECT FROM renamed);

-- name: current_position()$
SELECT pg_current_snapshot()::text;

-- name: position_is_kept(position)$
-- Whether all changes since the position are still in the log.
SELECT pg_snapshot_xmin(CAST(:position AS text)::pg_snapshot) >= pruned_below FROM signal_log;

-- name: changes_since(type, position, most)
-- What became visible since the position, at most so many, in an order in which a signal's removal follows its
-- addition; each row with the position to go on from, and one row of NULLs when nothing changed. Two
-- ranges of the index (type, xid): transactions that had not begun at the position, and those that were
-- running. Costs what it returns.
SELECT now.position, c.id, c.signal_id, c.value
FROM (SELECT pg_current_snapshot()::text AS position) AS now
LEFT JOIN LATERAL (
    SELECT id, signal_id, value
    FROM signal_changes
    WHERE type = :type
      AND (
          xid >= pg_snapshot_xmax(CAST(:position AS text)::pg_snapshot)
          OR xid = ANY (ARRAY(SELECT pg_snapshot_xip(CAST(:position AS text)::pg_snapshot)))
      )
    ORDER BY id
    LIMIT :most
) AS c ON true
ORDER BY c.id;

-- name: signals_page(type, after, page)
-- Signals by id, from the index (type, id).
SELECT id, value FROM signals WHERE type = :type AND id > :after ORDER BY id LIMIT :page;

-- name: add_signals(type, values)
-- Ids of the signals with these values, added where they are new. Two who add the same value at once both
-- get its id: the one who comes second waits for the first and then finds it.
WITH given AS (
    SELECT DISTINCT value FROM unnest(CAST(:values AS bytea[])) AS value
), added AS (
    INSERT INTO signals (type, value) SELECT :type, value FROM given ORDER BY value
    ON CONFLICT (type, value) DO UPDATE SET value = excluded.value
    RETURNING id, value
)
SELECT id, value FROM added;

-- name: remove_signals(ids)!
DELETE FROM signals WHERE id = ANY (CAST(:ids AS bigint[]));

-- name: prune_changes(older_than_s, most)$
-- Drops changes that nobody should need, at most so many, the oldest first, by the index on their time; an index
-- with an older position loads all signals anew. How many were dropped. Several may do it at once.
WITH dropped AS (
    DELETE FROM signal_changes
    WHERE id = ANY (ARRAY(
        SELECT id FROM signal_changes
        WHERE changed_at < now() - make_interval(secs => CAST(:older_than_s AS double precision))
          AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY changed_at LIMIT :most FOR UPDATE SKIP LOCKED
    ))
    RETURNING xid
), noted AS (
    UPDATE signal_log
    SET pruned_below = greatest(pruned_below, (SELECT max(xid::text::bigint) + 1 FROM dropped)::text::xid8)
    WHERE EXISTS (SELECT FROM dropped)
)
SELECT count(*) FROM dropped;
