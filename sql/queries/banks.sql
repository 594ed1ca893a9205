-- Banks and their contents: what curators ask and change. Followers have banks_following.sql.

-- name: list_banks()
-- All banks, in the order of their creation. Reads the table: there are tens of banks, not thousands.
SELECT * FROM banks WHERE removed_at IS NULL ORDER BY id;

-- name: get_bank(name)^
-- The bank of this name. By the unique index banks_by_name: one row.
SELECT * FROM banks WHERE name = :name AND removed_at IS NULL;

-- name: create_bank(name, enabled_ratio, active, negative, description, tags, radii, owner)^
-- No row when the name is taken.
INSERT INTO banks (name, enabled_ratio, active, negative, description, tags, radii, owner)
VALUES (:name, :enabled_ratio, :active, :negative, :description, :tags::text[], :radii::jsonb, :owner)
ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
RETURNING *;

-- name: update_bank(id, name, enabled_ratio, active, negative, description, tags, radii)^
-- What is NULL stays as it is. Raises UniqueViolationError when the new name is taken. By primary key: one row.
UPDATE banks
SET name = coalesce(:name, name), enabled_ratio = coalesce(:enabled_ratio, enabled_ratio),
    active = coalesce(:active, active), negative = coalesce(:negative, negative), description = coalesce(:description, description),
    tags = coalesce(:tags::text[], tags), radii = coalesce(:radii::jsonb, radii), updated_at = now()
WHERE id = :id AND removed_at IS NULL
RETURNING *;

-- name: remove_bank(id)$
-- Its contents match nothing from now on; they are removed by remove_orphans, a few at a time. By primary key: one
-- row of banks, and the bank's decisions by that of record_decisions.
WITH forgotten AS (DELETE FROM record_decisions WHERE bank_id = :id)
UPDATE banks SET removed_at = now() WHERE id = :id AND removed_at IS NULL RETURNING id;

-- name: remove_contents_of(bank_id, most)$
-- Removes contents of a bank, so many at most, from the index (bank_id, id); how many.
WITH first_ones AS (
    SELECT id FROM bank_content WHERE bank_id = :bank_id AND removed_at IS NULL LIMIT :most FOR UPDATE SKIP LOCKED
), removed AS (
    UPDATE bank_content SET removed_at = now() WHERE id IN (SELECT id FROM first_ones) RETURNING 1
)
SELECT count(*) FROM removed;

-- name: bank_counts(id)
-- How many contents a bank has, and how many signals of each type. Reads all of the bank.
SELECT NULL AS type, count(*) AS number FROM bank_content WHERE bank_id = :id AND removed_at IS NULL
UNION ALL
SELECT s.type, count(*)
FROM bank_content AS c
JOIN content_signals AS cs ON cs.content_id = c.id
JOIN signals AS s ON s.id = cs.signal_id
WHERE c.bank_id = :id AND c.removed_at IS NULL
GROUP BY s.type;

-- name: ensure_signals(types, values)!
-- Sorted, so that two writers with values in common never wait for each other in a circle. By the unique index
-- (type, value), a row a new signal.
INSERT INTO signals (type, value, long_value)
SELECT DISTINCT type, signal_key(value), signal_rest(value)
FROM unnest(CAST(:types AS text[]), CAST(:values AS bytea[])) AS given (type, value)
ORDER BY 1, 2
ON CONFLICT (type, value) DO NOTHING;

-- name: add_content(bank_id, types, values, content_type, original_media_uri, storage_bucket, storage_key, raw_content, media_unavailable, metadata, note, tags, disable_until_ts)$
-- The new content's id; its signals must be there (ensure_signals, an earlier statement, so that those that
-- another writer has just added are visible). NULL when the bank has been removed meanwhile. One row, and a look-up
-- by the unique index (type, value) for each signal.
WITH content AS (
    INSERT INTO bank_content (bank_id, content_type, original_media_uri, storage_bucket, storage_key,
                              raw_content, media_unavailable, metadata, note, tags, disable_until_ts)
    SELECT id, CAST(:content_type AS text), CAST(:original_media_uri AS text), CAST(:storage_bucket AS text),
           CAST(:storage_key AS text), CAST(:raw_content AS text), CAST(:media_unavailable AS boolean),
           CAST(:metadata AS jsonb), CAST(:note AS text), CAST(:tags AS text[]),
           CAST(:disable_until_ts AS bigint)
    FROM banks WHERE id = :bank_id AND removed_at IS NULL
    RETURNING id
), linked AS (
    INSERT INTO content_signals (content_id, signal_id)
    SELECT content.id, s.id
    FROM content, unnest(CAST(:types AS text[]), CAST(:values AS bytea[])) AS given (type, value)
    JOIN signals AS s ON s.type = given.type AND s.value = signal_key(given.value)
)
SELECT id FROM content;

-- name: get_content(bank_id, id, removed)^
-- With `removed` also one that has been removed and not been purged yet. By primary key: one row.
SELECT * FROM bank_content WHERE id = :id AND bank_id = :bank_id AND (removed_at IS NULL OR :removed);

-- name: bank_of_content(id)$
-- The name of the bank that a content is in. Two look-ups by primary key.
SELECT b.name FROM bank_content AS c JOIN banks AS b ON b.id = c.bank_id
WHERE c.id = :id AND b.removed_at IS NULL;

-- name: hold_bank(bank_id)^
-- Until the transaction ends no page of an exchange is written to the bank (hold_run), so that none misses what is
-- decided now. By primary key: locks one row.
SELECT * FROM banks WHERE id = :bank_id AND removed_at IS NULL FOR NO KEY UPDATE;

-- name: update_content(bank_id, id, disable_until_ts, has_note, note, metadata, tags, media_unavailable, has_confirmed, confirmed, pointers)^
-- What is NULL stays as it is; a note may be set to NULL, and so may what `pointers`, a JSON object, names. Of an exchange's record, which has another content while
-- it is being read anew, all contents are changed, and what was decided is kept for those to come.
WITH changed AS (
    UPDATE bank_content
    SET disable_until_ts = coalesce(:disable_until_ts, disable_until_ts),
        note = CASE WHEN :has_note THEN :note ELSE note END,
        metadata = coalesce(CAST(:metadata AS jsonb), metadata),
        tags = coalesce(CAST(:tags AS text[]), tags),
        media_unavailable = coalesce(:media_unavailable, media_unavailable),
        confirmed = CASE WHEN :has_confirmed THEN CAST(:confirmed AS boolean) ELSE confirmed END,
        content_type = CASE WHEN CAST(:pointers AS jsonb) ? 'content_type'
            THEN CAST(:pointers AS jsonb) ->> 'content_type' ELSE content_type END,
        original_media_uri = CASE WHEN CAST(:pointers AS jsonb) ? 'original_media_uri'
            THEN CAST(:pointers AS jsonb) ->> 'original_media_uri' ELSE original_media_uri END,
        storage_bucket = CASE WHEN CAST(:pointers AS jsonb) ? 'storage_bucket'
            THEN CAST(:pointers AS jsonb) ->> 'storage_bucket' ELSE storage_bucket END,
        storage_key = CASE WHEN CAST(:pointers AS jsonb) ? 'storage_key'
            THEN CAST(:pointers AS jsonb) ->> 'storage_key' ELSE storage_key END,
        raw_content = CASE WHEN CAST(:pointers AS jsonb) ? 'raw_content'
            THEN CAST(:pointers AS jsonb) ->> 'raw_content' ELSE raw_content END
    WHERE removed_at IS NULL AND id = ANY (ARRAY(
        SELECT id FROM bank_content WHERE id = :id AND bank_id = :bank_id
        UNION
        SELECT other.id FROM bank_content AS one JOIN bank_content AS other USING (bank_id, record_digest)
        WHERE one.id = :id AND one.bank_id = :bank_id
    ))
    RETURNING *
), kept AS (
    INSERT INTO record_decisions (bank_id, digest, disable_until_ts, confirmed, note, tags, metadata)
    SELECT bank_id, record_digest, disable_until_ts, confirmed, note, tags, metadata
    FROM changed WHERE id = :id AND record_digest IS NOT NULL
    ON CONFLICT (bank_id, digest) DO UPDATE
    SET disable_until_ts = excluded.disable_until_ts, confirmed = excluded.confirmed, note = excluded.note,
        tags = excluded.tags, metadata = excluded.metadata, decided_at = now()
)
SELECT * FROM changed WHERE id = :id;

-- name: other_signals_of(id, types, values)
-- Types of which a content has another signal than the one given: a few rows of content_signals by its primary key.
SELECT s.type
FROM content_signals AS cs
JOIN signals AS s ON s.id = cs.signal_id
JOIN unnest(CAST(:types AS text[]), CAST(:values AS bytea[])) AS given (type, value)
    ON given.type = s.type AND signal_key(given.value) <> s.value
WHERE cs.content_id = :id;

-- name: link_signals(id, types, values)!
-- Gives a content these signals, which must be there (ensure_signals). Whoever calls it has changed the content's row
-- in the same transaction: followers see signals by their content.
INSERT INTO content_signals (content_id, signal_id)
SELECT CAST(:id AS bigint), s.id
FROM unnest(CAST(:types AS text[]), CAST(:values AS bytea[])) AS given (type, value)
JOIN signals AS s ON s.type = given.type AND s.value = signal_key(given.value)
ON CONFLICT (content_id, signal_id) DO NOTHING;

-- name: remove_content(bank_id, id, by)$
-- Of an exchange's record all contents, and also those to come; they are kept, so that they can be taken back. By
-- primary key, and by bank_content_by_record for the other contents of a record.
WITH removed AS (
    UPDATE bank_content SET removed_at = now(), removed_by = :by, hidden = record_digest IS NOT NULL
    WHERE removed_at IS NULL AND id = ANY (ARRAY(
        SELECT id FROM bank_content WHERE id = :id AND bank_id = :bank_id
        UNION
        SELECT other.id FROM bank_content AS one JOIN bank_content AS other USING (bank_id, record_digest)
        WHERE one.id = :id AND one.bank_id = :bank_id
    ))
    RETURNING *
), kept AS (
    INSERT INTO record_decisions (bank_id, digest, disable_until_ts, confirmed, note, tags, metadata, hidden)
    SELECT bank_id, record_digest, disable_until_ts, confirmed, note, tags, metadata, true
    FROM removed WHERE id = :id AND record_digest IS NOT NULL
    ON CONFLICT (bank_id, digest) DO UPDATE SET hidden = true, decided_at = now()
)
SELECT id FROM removed WHERE id = :id;

-- name: restore_content(bank_id, id)^
-- Takes back a removal by an operator. By primary key, and by bank_content_by_record for the other contents of a
-- record.
WITH restored AS (
    UPDATE bank_content SET removed_at = NULL, removed_by = NULL, hidden = false
    WHERE removed_at IS NOT NULL AND removed_by LIKE 'operator%' AND (record_digest IS NULL OR hidden)
      AND id = ANY (ARRAY(
        SELECT id FROM bank_content WHERE id = :id AND bank_id = :bank_id
        UNION
        SELECT other.id FROM bank_content AS one JOIN bank_content AS other USING (bank_id, record_digest)
        WHERE one.id = :id AND one.bank_id = :bank_id
    ))
    RETURNING *
), kept AS (
    UPDATE record_decisions AS d SET hidden = false, decided_at = now()
    FROM restored AS r WHERE d.bank_id = r.bank_id AND d.digest = r.record_digest
)
SELECT * FROM restored WHERE id = :id;

-- name: contents_page(bank_id, after, page, content_type, signal_type)
-- Contents in the order of their ids, from the index (bank_id, id). Those of other types than asked for are read
-- and passed over.
SELECT * FROM bank_content AS c
WHERE bank_id = :bank_id AND removed_at IS NULL AND id > :after
  AND (CAST(:content_type AS text) IS NULL OR content_type = :content_type)
  AND (CAST(:signal_type AS text) IS NULL OR EXISTS (
      SELECT FROM content_signals AS cs JOIN signals AS s ON s.id = cs.signal_id
      WHERE cs.content_id = c.id AND s.type = :signal_type
  ))
ORDER BY id LIMIT :page;

-- name: words_of_contents(ids)
-- What is said of contents: by operators, and by the exchange that shares them. A look-up by primary key for each.
SELECT id, metadata, shared, note, tags, confirmed FROM bank_content WHERE id = ANY (CAST(:ids AS bigint[]));

-- name: signals_of_contents(ids)
-- The signals of these contents, by content and type. Two look-ups by primary key for each signal.
SELECT cs.content_id, s.id, s.type, coalesce(s.long_value, s.value) AS value
FROM content_signals AS cs JOIN signals AS s ON s.id = cs.signal_id
WHERE cs.content_id = ANY (CAST(:ids AS bigint[]))
ORDER BY cs.content_id, s.type;

-- name: get_signal(id)^
-- The signal of this id. By primary key: one row.
SELECT id, type, coalesce(long_value, value) AS value, created_at FROM signals WHERE id = :id;

-- name: find_signal(type, value)^
-- The signal of this type and value. By the unique index (type, value): one row.
SELECT id, type, coalesce(long_value, value) AS value, created_at FROM signals
WHERE type = :type AND value = signal_key(:value);

-- name: members_of_signal(signal_id, after, page)
-- All contents with a signal, in any bank, from the index (signal_id, content_id).
SELECT c.id, c.disable_until_ts, b.name AS bank_name, b.enabled_ratio, b.active
FROM content_signals AS cs
JOIN bank_content AS c ON c.id = cs.content_id
JOIN banks AS b ON b.id = c.bank_id
WHERE cs.signal_id = :signal_id AND cs.content_id > :after AND c.removed_at IS NULL AND b.removed_at IS NULL
ORDER BY cs.content_id LIMIT :page;

-- name: contents_with_value(type, value)
-- Ids of the contents with a signal: how types that match by equality are looked up. By the unique index (type,
-- value), then content_signals_by_signal.
SELECT c.id
FROM signals AS s
JOIN content_signals AS cs ON cs.signal_id = s.id
JOIN bank_content AS c ON c.id = cs.content_id
WHERE s.type = :type AND s.value = signal_key(:value) AND c.removed_at IS NULL
ORDER BY c.id;

-- name: pictures_of_contents(ids, most)
-- What the crawl knows of the contents that are pictures of its own: the picture, and the names of the sites that show
-- it, best ranked first. A look-up in indexes for each content.
SELECT c.id, c.picture_sha256, s.reversed_names
FROM unnest(CAST(:ids AS bigint[])) AS asked (id)
JOIN bank_content AS c ON c.id = asked.id AND c.picture_sha256 IS NOT NULL
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(best.reversed_name ORDER BY best.position), '{}') AS reversed_names
    FROM (
        SELECT d.reversed_name, min(d.position) AS position
        FROM favicon_metadata AS m
        JOIN site_icons AS i ON i.icon_url_id = m.icon_url_id AND i.gone_at IS NULL
        JOIN target_urls AS t ON t.id = i.target_url_id
        JOIN domains AS d ON d.id = t.domain_id
        WHERE m.sha256 = c.picture_sha256
        GROUP BY d.reversed_name ORDER BY position LIMIT :most
    ) AS best
) AS s;

-- name: signal_type_overrides()
-- The ratios that an operator has set for signal types. Reads the table, at most a row a type.
SELECT name, enabled_ratio FROM signal_type_overrides;

-- name: override_signal_type(name, enabled_ratio)!
-- Sets the ratio of a signal type for all processes. By primary key: one row.
INSERT INTO signal_type_overrides (name, enabled_ratio) VALUES (:name, :enabled_ratio)
ON CONFLICT (name) DO UPDATE SET enabled_ratio = excluded.enabled_ratio, updated_at = now();

-- name: type_sizes(types)
-- How many signals of contents there are by type, and when the newest was added. Reads all of them.
SELECT t.type, coalesce(found.number, 0) AS number, found.newest
FROM unnest(CAST(:types AS text[])) AS t (type)
LEFT JOIN LATERAL (
    SELECT count(*) AS number, max(c.created_at) AS newest
    FROM signals AS s
    JOIN content_signals AS cs ON cs.signal_id = s.id
    JOIN bank_content AS c ON c.id = cs.content_id
    JOIN banks AS b ON b.id = c.bank_id
    WHERE s.type = t.type AND c.removed_at IS NULL AND b.removed_at IS NULL
) AS found ON true;

-- name: table_figures()
-- The tables of this database, largest first: rows and dead rows as estimated, megabytes with their indexes and with
-- long values, and when each was last vacuumed. From the catalogue and the statistics collector: some fifty rows.
SELECT relname AS "table", n_live_tup AS "rows", n_dead_tup AS dead,
       round(pg_total_relation_size(relid) / 1e6, 1)::float8 AS megabytes,
       round(pg_indexes_size(relid) / 1e6, 1)::float8 AS of_indexes,
       to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI') AS vacuumed
FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC, relname;

-- name: reserve_content_ids(number)^
-- So many ids, ascending, and the transaction that will have added their contents. Touches no table but the
-- sequence.
SELECT array_agg(id ORDER BY id) AS ids, pg_current_xact_id()::text AS xid
FROM (SELECT nextval('bank_content_id_seq') AS id FROM generate_series(1, :number)) AS reserved;

-- name: create_staging()!
-- The session's own table, which a bulk load fills by COPY and a commit empties. No index: it is read whole.
CREATE TEMP TABLE IF NOT EXISTS staged_signals (content_id bigint, type text, value bytea) ON COMMIT DELETE ROWS;

-- name: add_plain_contents(bank_id, ids)!
-- Adds contents that have signals only: no media, note or tags are known. Writes one row for each content.
INSERT INTO bank_content (id, bank_id, media_unavailable)
SELECT id, :bank_id, true FROM unnest(CAST(:ids AS bigint[])) AS id;

-- name: add_staged_signals()$
-- Adds the staged signals that are new, and links those to their contents; how many links that were. Sorted, so
-- that two writers with values in common never wait for each other in a circle. Reads the staged rows, with a
-- look-up by the unique index (type, value) for each.
WITH added AS (
    INSERT INTO signals (type, value, long_value)
    SELECT DISTINCT type, signal_key(value), signal_rest(value) FROM staged_signals ORDER BY 1, 2
    ON CONFLICT (type, value) DO NOTHING
    RETURNING id, type, value
), linked AS (
    INSERT INTO content_signals (content_id, signal_id)
    SELECT g.content_id, a.id
    FROM staged_signals AS g JOIN added AS a ON a.type = g.type AND a.value = signal_key(g.value)
    RETURNING 1
)
SELECT count(*) FROM linked;

-- name: link_staged_signals()!
-- Links the others, in a statement of its own, which sees what other writers have just added. Written as a look-up
-- for each row: the planner knows nothing of the staged ones and would rather hash all signals.
INSERT INTO content_signals (content_id, signal_id)
SELECT g.content_id, (SELECT s.id FROM signals AS s WHERE s.type = g.type AND s.value = signal_key(g.value))
FROM staged_signals AS g
ON CONFLICT (content_id, signal_id) DO NOTHING;

-- name: describe_contents(ids, metadata)!
-- Sets the metadata of contents that were just added. A look-up by primary key for each.
UPDATE bank_content AS c SET metadata = CAST(g.metadata AS jsonb)
FROM unnest(CAST(:ids AS bigint[]), CAST(:metadata AS text[])) AS g (id, metadata)
WHERE c.id = g.id;
