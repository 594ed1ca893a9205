-- Exchanges: what is configured, how fetches stand, their pages, and what is sent back.
--
-- A fetch holds the advisory lock (1397507416, exchange) for as long as it lasts, and pages are written only while
-- exchanges.run_id is its own, so that one whose connection was lost cannot write any more.

-- name: list_exchanges()
-- All exchanges with the names of their banks, in the order of their creation. Reads the table: there are tens.
SELECT e.*, b.name AS bank_name FROM exchanges AS e JOIN banks AS b ON b.id = e.bank_id
WHERE e.removed_at IS NULL ORDER BY e.id;

-- name: get_exchange(name)^
-- The exchange of this name, with the name of its bank. By the unique index exchanges_by_name: one row.
SELECT e.*, b.name AS bank_name FROM exchanges AS e JOIN banks AS b ON b.id = e.bank_id
WHERE e.name = :name AND e.removed_at IS NULL;

-- name: create_exchange(name, bank_id, api, config, credentials, enabled, every_s)$
-- Its id; NULL when the name is taken. By the unique index exchanges_by_name: one row.
INSERT INTO exchanges (name, bank_id, api, config, credentials, enabled, every_s)
VALUES (:name, :bank_id, :api, CAST(:config AS jsonb), :credentials, :enabled, :every_s)
ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
RETURNING id;

-- name: update_exchange(id, enabled, every_s, config, fetch_now)$
-- What is NULL stays as it is. By primary key: one row.
UPDATE exchanges
SET enabled = coalesce(:enabled, enabled), every_s = coalesce(:every_s, every_s),
    config = coalesce(CAST(:config AS jsonb), config),
    next_fetch_at = CASE WHEN :fetch_now THEN now() ELSE next_fetch_at END, updated_at = now()
WHERE id = :id AND removed_at IS NULL
RETURNING id;

-- name: set_exchange_credentials(id, credentials)$
-- Sets or takes away an exchange's own credentials, and lets it be fetched at once; its id, if it is there. By primary
-- key: one row.
UPDATE exchanges SET credentials = :credentials, next_fetch_at = now(), updated_at = now()
WHERE id = :id AND removed_at IS NULL RETURNING id;

-- name: remove_exchange(name)^
-- Marks an exchange as removed and forgets its credentials; its id and bank. Its records go later, in pages. By the
-- unique index exchanges_by_name: one row.
UPDATE exchanges SET removed_at = now(), enabled = false, credentials = NULL, run_id = NULL
WHERE name = :name AND removed_at IS NULL
RETURNING id, bank_id;

-- name: get_api_credentials(api)$
-- The credentials that all exchanges of a type use which have none of their own. By primary key: one row.
SELECT credentials FROM exchange_api_credentials WHERE api = :api;

-- name: set_api_credentials(api, credentials)!
-- Sets the credentials of a type of exchange. By primary key: one row.
INSERT INTO exchange_api_credentials (api, credentials) VALUES (:api, :credentials)
ON CONFLICT (api) DO UPDATE SET credentials = excluded.credentials, updated_at = now();

-- name: remove_api_credentials(api)!
-- Takes away the credentials of a type of exchange. By primary key: one row.
DELETE FROM exchange_api_credentials WHERE api = :api;

-- name: exchange_status(id)^
-- Counts the records of the generation that counts, from the index (exchange_id, generation, digest). Whether a fetch
-- runs is asked of its lock: a killed one is not running any more, whatever it has left behind.
SELECT e.run_started_at, e.completed_at, e.succeeded, e.up_to_date, e.failures, e.error, e.next_fetch_at, e.enabled,
       e.held_after,
       c.generation, c.progress_at, c.complete,
       EXISTS (
           SELECT FROM pg_locks
           WHERE locktype = 'advisory' AND classid = 1397507416 AND objid = e.id::oid AND objsubid = 2 AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       ) AS running,
       (SELECT count(*) FROM exchange_records AS r WHERE r.exchange_id = e.id AND r.generation = c.generation) AS records,
       (SELECT count(*) FROM exchange_quarantine AS q WHERE q.exchange_id = e.id AND q.resolved_at IS NULL) AS quarantined
FROM exchanges AS e
LEFT JOIN LATERAL (
    SELECT generation, progress_at, complete FROM exchange_checkpoints
    WHERE exchange_id = e.id ORDER BY generation DESC LIMIT 1
) AS c ON true
WHERE e.id = :id;

-- name: due_exchanges(most)
-- From the partial index (next_fetch_at). Those that somebody fetches are left out, so that they do not hide the
-- others.
SELECT e.name FROM exchanges AS e
WHERE e.enabled AND e.removed_at IS NULL AND e.held_after IS NULL AND e.next_fetch_at <= now()
  AND NOT EXISTS (
      SELECT FROM pg_locks
      WHERE locktype = 'advisory' AND classid = 1397507416 AND objid = e.id::oid AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  )
ORDER BY e.next_fetch_at LIMIT :most;

-- name: try_lock(id)$
-- Takes an exchange's lock for the session, if nobody holds it; whether it was free. Touches no table.
SELECT pg_try_advisory_lock(1397507416, CAST(:id AS bigint)::integer);

-- name: unlock(id)$
-- Gives an exchange's lock back; whether the session held it. Touches no table.
SELECT pg_advisory_unlock(1397507416, CAST(:id AS bigint)::integer);

-- name: begin_run(id, run_id)^
-- It stays due until it ends, so that one that is killed is begun again at once. What it usually brings, and the last
-- content that is there. By primary key: one row, and the last of the index (bank_id, id).
UPDATE exchanges AS e SET run_id = :run_id, run_started_at = now(), next_fetch_at = now()
WHERE id = :id AND removed_at IS NULL
RETURNING usual, (SELECT coalesce(max(c.id), 0) FROM bank_content AS c WHERE c.bank_id = e.bank_id) AS last_content;

-- name: run_is_wanted(id, run_id)$
-- Whether the exchange is there and this run is its own. By primary key.
SELECT EXISTS (SELECT FROM exchanges WHERE id = :id AND run_id = :run_id AND removed_at IS NULL);

-- name: end_run(id, run_id, succeeded, up_to_date, error, wait_s, added)$
-- Whoever asked for a fetch while this one ran gets another one. `added` is NULL for a first reading. By primary
-- key: one row.
UPDATE exchanges
SET run_id = NULL, completed_at = now(), succeeded = :succeeded, up_to_date = :up_to_date,
    usual = CASE WHEN :succeeded AND CAST(:added AS bigint) IS NOT NULL
        THEN 0.9 * coalesce(usual, :added) + 0.1 * :added ELSE usual END,
    error = CAST(:error AS jsonb), failures = CASE WHEN :succeeded THEN 0 ELSE failures + 1 END,
    next_fetch_at = CASE
        WHEN next_fetch_at > run_started_at THEN now()
        ELSE now() + make_interval(secs => CAST(:wait_s AS double precision))
    END
WHERE id = :id AND run_id = :run_id
RETURNING id;

-- name: hold_flood(id, run_id, after)$
-- Switches off the exchange's contents after this id that nobody has decided of, and lets nothing be fetched; how many
-- contents that are. From the index (bank_id, id): those that the run has brought.
WITH held AS (
    UPDATE exchanges SET held_after = :after WHERE id = :id AND run_id = :run_id AND removed_at IS NULL
    RETURNING bank_id
), contents AS (
    UPDATE bank_content SET disable_until_ts = 0
    WHERE bank_id = (SELECT bank_id FROM held) AND id > :after AND removed_at IS NULL AND disable_until_ts = 1
    RETURNING 1
)
SELECT count(*) FROM contents;

-- name: release_flood(id)$
-- Switches on what was held, besides what an operator has switched off meanwhile, and makes the exchange due; how
-- many contents that are, NULL when none were held. As many are usual from now on, so that the rest of them may come.
-- From the index (bank_id, id), and for each content by the primary key of record_decisions.
WITH held AS (
    SELECT id, bank_id, held_after FROM exchanges
    WHERE id = :id AND held_after IS NOT NULL AND removed_at IS NULL FOR UPDATE
), contents AS (
    UPDATE bank_content AS c SET disable_until_ts = 1
    FROM held
    WHERE c.bank_id = held.bank_id AND c.id > held.held_after AND c.removed_at IS NULL AND c.disable_until_ts = 0
      AND NOT EXISTS (
          SELECT FROM record_decisions AS d
          WHERE d.bank_id = c.bank_id AND d.digest = c.record_digest AND d.disable_until_ts = 0
      )
    RETURNING 1
), released AS (
    UPDATE exchanges AS e
    SET held_after = NULL, usual = greatest(e.usual, (SELECT count(*) FROM contents)), next_fetch_at = now(),
        failures = 0, error = NULL, updated_at = now()
    FROM held WHERE e.id = held.id
    RETURNING e.id
)
SELECT (SELECT count(*) FROM contents) FROM released;

-- name: checkpoints(id)
-- The generations of an exchange, the oldest first, and where each is to be read on. By primary key: a few rows.
SELECT generation, checkpoint, progress_at, complete FROM exchange_checkpoints
WHERE exchange_id = :id ORDER BY generation;

-- name: begin_generation(id)$
-- Starts a generation that is read from the beginning; its number. By primary key: one row.
INSERT INTO exchange_checkpoints (exchange_id, generation)
SELECT :id, coalesce(max(generation), 0) + 1 FROM exchange_checkpoints WHERE exchange_id = :id
RETURNING generation;

-- name: complete_generation(id, generation)!
-- Notes that a generation was read to its end, so that it counts from now on. By primary key: one row.
UPDATE exchange_checkpoints SET complete = true, updated_at = now()
WHERE exchange_id = :id AND generation = :generation AND NOT complete;

-- name: holds_contents(id, generation)$
-- Whether any record of a generation is a content, from the index (exchange_id, generation, digest).
SELECT EXISTS (
    SELECT FROM exchange_records
    WHERE exchange_id = :id AND generation = :generation AND content_id IS NOT NULL
);

-- name: look_up_only()$
-- For the rest of the transaction: what follows goes from a few rows to their partners by index. The planner knows
-- nothing of staged rows and has stale figures of tables that grow, and would read all of them again and again.
-- For the same reason the statements below are written as look-ups for each staged row, not as joins.
SELECT set_config('enable_seqscan', 'off', true) || set_config('enable_hashjoin', 'off', true)
    || set_config('enable_mergejoin', 'off', true);

-- name: other_generations(id, generations)
-- The generations of an exchange besides these, whose records are to go. By primary key: a few rows.
SELECT generation FROM exchange_checkpoints
WHERE exchange_id = :id AND generation <> ALL (CAST(:generations AS integer[])) ORDER BY generation;

-- name: clear_generation(id, generation, generations, most)^
-- Deletes some records of a generation, with their contents, unless a record of these generations shares them. From
-- the index exchange_records_by_generation, so many rows at most.
WITH gone AS (
    DELETE FROM exchange_records
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM exchange_records
        WHERE exchange_id = :id AND generation = :generation
        LIMIT :most
    ))
    RETURNING digest, content_id
), removed AS (
    UPDATE bank_content SET removed_at = coalesce(removed_at, now()), removed_by = 'exchange', hidden = false
    WHERE (removed_at IS NULL OR hidden) AND id = ANY (ARRAY(
        SELECT g.content_id FROM gone AS g
        WHERE g.content_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM exchange_records AS r
            WHERE r.exchange_id = :id AND r.digest = g.digest AND r.content_id = g.content_id
              AND r.generation = ANY (CAST(:generations AS integer[]))
        )
    ))
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS records, (SELECT count(*) FROM removed) AS contents;

-- name: forget_checkpoints(id, generations)!
-- Forgets all generations of an exchange besides these, once their records are gone. By primary key: a few rows.
DELETE FROM exchange_checkpoints
WHERE exchange_id = :id AND generation <> ALL (CAST(:generations AS integer[]));

-- name: create_record_staging()!
-- The session's own table of a page's records, which the statements below fill and a commit empties.
CREATE TEMP TABLE IF NOT EXISTS staged_records (
    digest bytea PRIMARY KEY, key text, value text, fingerprint bytea, shared text, content_type text,
    own_content bigint, own_fingerprint bytea, other_content bigint, other_fingerprint bytea, content_id bigint
) ON COMMIT DELETE ROWS;

-- name: create_record_staging_index()!
-- By content, as describe_kept_contents looks the records up. Costs as much as a page has records.
CREATE INDEX IF NOT EXISTS staged_records_by_content ON staged_records (content_id);

-- name: create_record_signal_staging()!
-- The session's own table of the signals of a page's records, filled by COPY and emptied by a commit.
CREATE TEMP TABLE IF NOT EXISTS staged_record_signals (digest bytea, type text, value bytea) ON COMMIT DELETE ROWS;

-- name: hold_run(id, run_id)$
-- Nobody removes, disables or takes over the exchange before this transaction ends, and no operator decides of its
-- contents (hold_bank). NULL: somebody has removed it. By primary key: locks two rows.
SELECT e.bank_id
FROM exchanges AS e JOIN banks AS b ON b.id = e.bank_id
WHERE e.id = :id AND e.run_id = :run_id AND e.enabled AND e.removed_at IS NULL AND b.removed_at IS NULL
FOR SHARE OF e, b;

-- name: find_own_records(id, generation)!
-- What the page's records held before in the generation that is being read. A look-up by primary key for each.
UPDATE staged_records AS s
SET (own_content, own_fingerprint) = (
    SELECT r.content_id, r.fingerprint FROM exchange_records AS r
    WHERE r.exchange_id = :id AND r.digest = s.digest AND r.generation = :generation
);

-- name: find_other_records(id, generation)!
-- The same records in the newest other generation: where nothing has changed, their content is taken over. A
-- look-up by primary key for each.
UPDATE staged_records AS s
SET (other_content, other_fingerprint) = (
    SELECT r.content_id, r.fingerprint FROM exchange_records AS r
    WHERE r.exchange_id = :id AND r.digest = s.digest AND r.generation <> :generation
    ORDER BY r.generation DESC LIMIT 1
);

-- name: choose_contents()!
-- Gives each record of the page that has signals its content: that which it had, if the signals are the same, or a
-- new one. Reads the page alone.
UPDATE staged_records
SET content_id = CASE
    WHEN fingerprint = own_fingerprint THEN own_content
    WHEN fingerprint = other_fingerprint THEN other_content
    ELSE nextval('bank_content_id_seq')
END
WHERE fingerprint IS NOT NULL;

-- name: insert_contents(bank_id)!
-- The tag says how many there are. With what operators have decided of these records, from the index (bank_id, digest).
INSERT INTO bank_content (id, bank_id, content_type, media_unavailable, shared, record_digest,
                          disable_until_ts, confirmed, note, tags, metadata, hidden, removed_at, removed_by)
SELECT s.content_id, :bank_id, s.content_type, true, s.shared::jsonb, s.digest,
       coalesce(d.disable_until_ts, 1), d.confirmed, d.note, coalesce(d.tags, '{}'), coalesce(d.metadata, '{}'),
       coalesce(d.hidden, false), CASE WHEN d.hidden THEN d.decided_at END, CASE WHEN d.hidden THEN 'operator' END
FROM staged_records AS s
LEFT JOIN record_decisions AS d ON d.bank_id = :bank_id AND d.digest = s.digest
WHERE s.content_id IS NOT NULL AND s.content_id IS DISTINCT FROM s.own_content
  AND s.content_id IS DISTINCT FROM s.other_content;

-- name: insert_signals()!
-- Sorted, so that two writers with values in common never wait for each other in a circle. By the unique index
-- (type, value), a row a new signal.
INSERT INTO signals (type, value, long_value)
SELECT DISTINCT g.type, signal_key(g.value), signal_rest(g.value)
FROM staged_record_signals AS g JOIN staged_records AS s USING (digest)
WHERE s.content_id IS DISTINCT FROM s.own_content AND s.content_id IS DISTINCT FROM s.other_content
ORDER BY 1, 2
ON CONFLICT (type, value) DO NOTHING;

-- name: link_signals()!
-- Links the page's new contents to their signals. A look-up by the unique index (type, value) for each.
INSERT INTO content_signals (content_id, signal_id)
SELECT s.content_id, (SELECT one.id FROM signals AS one WHERE one.type = g.type AND one.value = signal_key(g.value))
FROM staged_record_signals AS g JOIN staged_records AS s USING (digest)
WHERE s.content_id IS NOT NULL AND s.content_id IS DISTINCT FROM s.own_content
  AND s.content_id IS DISTINCT FROM s.other_content;

-- name: describe_kept_contents()!
-- The signals are the same, what is said of them may not be. What operators say stays. By primary key, a row a
-- content of the page; what is the same is not written.
UPDATE bank_content AS c
SET shared = (SELECT s.shared::jsonb FROM staged_records AS s WHERE s.content_id = c.id)
WHERE c.id = ANY (ARRAY(
    SELECT s.content_id FROM staged_records AS s
    WHERE s.content_id = s.own_content OR s.content_id = s.other_content
)) AND EXISTS (
    SELECT FROM staged_records AS s WHERE s.content_id = c.id AND c.shared IS DISTINCT FROM s.shared::jsonb
);

-- name: remove_replaced_contents(id, generation)!
-- Removes the contents that the page's records had before and have no longer, unless another generation still has
-- them. Two look-ups by primary key for each.
UPDATE bank_content SET removed_at = coalesce(removed_at, now()), removed_by = 'exchange', hidden = false
WHERE (removed_at IS NULL OR hidden) AND id = ANY (ARRAY(
    SELECT s.own_content FROM staged_records AS s
    WHERE s.own_content IS NOT NULL AND s.content_id IS DISTINCT FROM s.own_content
      AND NOT EXISTS (
          SELECT FROM exchange_records AS r
          WHERE r.exchange_id = :id AND r.digest = s.digest AND r.generation <> :generation
            AND r.content_id = s.own_content
      )
));

-- name: store_records(id, generation)!
-- Keeps the page's records that the source has. A look-up by primary key for each; what is the same is not written.
INSERT INTO exchange_records AS r (exchange_id, generation, digest, key, value, fingerprint, content_id)
SELECT :id, :generation, digest, key, value, fingerprint, content_id
FROM staged_records WHERE value IS NOT NULL
ON CONFLICT (exchange_id, digest, generation) DO UPDATE
SET value = excluded.value, fingerprint = excluded.fingerprint, content_id = excluded.content_id
WHERE (r.value, r.content_id) IS DISTINCT FROM (excluded.value, excluded.content_id);

-- name: delete_records(id, generation)!
-- Deletes the page's records that the source has no longer. A look-up by primary key for each.
DELETE FROM exchange_records
WHERE ctid = ANY (ARRAY(
    SELECT (
        SELECT r.ctid FROM exchange_records AS r
        WHERE r.exchange_id = :id AND r.digest = s.digest AND r.generation = :generation
    )
    FROM staged_records AS s WHERE s.value IS NULL
));

-- name: advance(id, generation, checkpoint, progress_at)!
-- Notes where a generation is to be read on; what is NULL stays as it is. By primary key: one row.
UPDATE exchange_checkpoints
SET checkpoint = coalesce(:checkpoint, checkpoint), progress_at = coalesce(:progress_at, progress_at), updated_at = now()
WHERE exchange_id = :id AND generation = :generation;

-- name: old_values(id, generation, digests)
-- What records hold that a page changes, for sources that send changes only. A look-up by primary key for each.
SELECT digest, value FROM exchange_records
WHERE exchange_id = :id AND digest = ANY (CAST(:digests AS bytea[])) AND generation = :generation;

-- name: quarantine(id, digests, key_digests, errors, raws)!
-- Keeps what could not be used, as it came; the same thing again is counted. By the unique index (exchange_id, digest).
INSERT INTO exchange_quarantine AS q (exchange_id, digest, key_digest, error, raw)
SELECT DISTINCT ON (digest) :id, digest, key_digest, error::jsonb, raw
FROM unnest(CAST(:digests AS bytea[]), CAST(:key_digests AS bytea[]), CAST(:errors AS text[]), CAST(:raws AS bytea[]))
    AS given (digest, key_digest, error, raw)
ON CONFLICT (exchange_id, digest) DO UPDATE
SET times = q.times + 1, last_at = now(), error = excluded.error, resolved_at = NULL;

-- name: release_records(id)!
-- Records of the page that were quarantined once and are well now. By exchange_quarantine_by_key, a look-up for
-- each record of the page.
UPDATE exchange_quarantine AS q SET resolved_at = now()
FROM staged_records AS s
WHERE q.exchange_id = :id AND q.key_digest = s.digest AND q.resolved_at IS NULL;

-- name: release_pages(id)!
-- A fetch has come to its end: pages that could not be read have been read, or are no more.
UPDATE exchange_quarantine SET resolved_at = now()
WHERE exchange_id = :id AND kind IN ('malformed_page', 'time_rewound') AND resolved_at IS NULL;

-- name: list_quarantine(id, include_resolved, most)
-- What could not be used, the latest first. All of the exchange are read and sorted; open ones
-- alone come from exchange_quarantine_open in order.
SELECT id, kind, error, raw, times, first_at, last_at, resolved_at FROM exchange_quarantine
WHERE exchange_id = :id AND (resolved_at IS NULL OR :include_resolved)
ORDER BY last_at DESC, id LIMIT :most;

-- name: prune_quarantine(older_than_s)!
-- Forgets what was resolved so long ago. Reads the table: it holds faults, not records.
DELETE FROM exchange_quarantine
WHERE resolved_at < now() - make_interval(secs => CAST(:older_than_s AS double precision));

-- name: removed_exchanges()
-- Removed exchanges whose records may have to go yet. Reads the table: there are tens.
SELECT id FROM exchanges WHERE removed_at IS NOT NULL;

-- name: forget_exchange(id)!
-- Deletes a removed exchange once it has no record. By primary key, and one step into that of the records.
DELETE FROM exchanges WHERE id = :id AND removed_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM exchange_records WHERE exchange_id = :id);

-- name: figures()
-- For metrics: one row for each exchange, from small tables.
SELECT e.name, e.failures, e.enabled,
       extract(epoch FROM now() - e.completed_at)::double precision AS since_completed_s,
       extract(epoch FROM now())::double precision - c.progress_at AS behind_s,
       (SELECT count(*) FROM exchange_quarantine AS q WHERE q.exchange_id = e.id AND q.resolved_at IS NULL) AS quarantined
FROM exchanges AS e
LEFT JOIN LATERAL (
    SELECT progress_at FROM exchange_checkpoints WHERE exchange_id = e.id ORDER BY generation DESC LIMIT 1
) AS c ON true
WHERE e.removed_at IS NULL ORDER BY e.name;

-- name: add_opinion(exchange_id, kind, signal_type, value, category, tags)$
-- NULL when the same was said of the signal before. Whoever has changed their mind says so once more; while the first
-- opinion is on its way the second waits in its row (settle_opinion). By the unique index exchange_opinions_once: one row.
INSERT INTO exchange_opinions AS o (exchange_id, kind, signal_type, value, category, tags)
VALUES (:exchange_id, :kind, :signal_type, :value, :category, CAST(:tags AS text[]))
ON CONFLICT (exchange_id, kind, signal_type, md5(value)) DO UPDATE
SET category = excluded.category, tags = excluded.tags, error = NULL, created_at = now(), sent_at = NULL,
    state = CASE WHEN o.state = 'sending' THEN o.state ELSE 'waiting' END,
    tries = CASE WHEN o.state = 'sending' THEN o.tries ELSE 0 END,
    try_at = CASE WHEN o.state = 'sending' THEN o.try_at ELSE now() END
WHERE o.category IS DISTINCT FROM excluded.category
RETURNING id;

-- name: list_opinions(exchange_id, most)
-- What was said back to an exchange, the latest first. Reads all of the exchange, or the primary key backwards past
-- the others'.
SELECT * FROM exchange_opinions WHERE exchange_id = :exchange_id ORDER BY id DESC LIMIT :most;

-- name: take_opinion()^
-- One that is due, marked before anything is sent; two processes never take the same. From
-- exchange_opinions_waiting, in order: one row.
UPDATE exchange_opinions AS o SET state = 'sending', tries = tries + 1, try_at = now()
FROM exchanges AS e
WHERE o.id = (
    SELECT w.id FROM exchange_opinions AS w JOIN exchanges AS x ON x.id = w.exchange_id
    WHERE w.state = 'waiting' AND w.try_at <= now() AND x.enabled AND x.removed_at IS NULL
    ORDER BY w.try_at LIMIT 1
    FOR UPDATE OF w SKIP LOCKED
) AND e.id = o.exchange_id
RETURNING o.id, o.kind, o.signal_type, o.value, o.category, o.tags, o.tries, e.name AS exchange;

-- name: settle_opinion(id, state, error, wait_s)!
-- Notes how sending an opinion ended, and when to try again. A row that was written after take_opinion took it holds a
-- newer opinion, which waits to be sent. By primary key: one row.
UPDATE exchange_opinions
SET state = CASE WHEN created_at > try_at THEN 'waiting' ELSE :state END,
    tries = CASE WHEN created_at > try_at THEN 0 ELSE tries END,
    error = CASE WHEN created_at > try_at THEN NULL ELSE CAST(:error AS jsonb) END,
    sent_at = CASE WHEN :state = 'sent' AND created_at <= try_at THEN now() ELSE sent_at END,
    try_at = CASE WHEN created_at > try_at THEN now()
                  ELSE now() + make_interval(secs => CAST(:wait_s AS double precision)) END
WHERE id = :id AND state = 'sending';

-- name: give_up_on_interrupted(older_than_s)!
-- Whoever was sending them died; nobody knows whether they arrived, and twice would be worse than not at all. By
-- exchange_opinions_waiting, which holds unsettled ones alone.
UPDATE exchange_opinions SET state = CASE WHEN created_at > try_at THEN 'waiting' ELSE 'uncertain' END
WHERE state = 'sending' AND try_at < now() - make_interval(secs => CAST(:older_than_s AS double precision));
