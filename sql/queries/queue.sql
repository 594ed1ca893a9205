-- The work queue of one phase. The words in braces are filled in when the file is loaded
-- (samelook.sql.queue_queries), once for each phase, from a fixed table of names:
--   {phase} {inputs} {results} {result_key} {errors} {error_key}
--
-- Work comes from four sources, and each is handed out in the order of one index:
--   fresh    inputs without result and error, by position (trust)
--   stale    results, the oldest first
--   failed   errors whose back-off has passed
--   expired  leases whose worker fell silent
-- A cursor (a sequence, see the migration) remembers how far each source has been handed out, so
-- that a pull reads a span of index entries from there and never walks over what is done. A span
-- is bounded, so a pull costs the same however much is done. Whatever is added behind a cursor
-- lowers it again (lower_fresh), under the lock that pulls hold.

-- name: lock_queue()$
-- One pull at a time for each phase, and none while an addition lowers the cursor; held to the end of
-- the transaction, for some milliseconds. The statement after it must be a new one: its
-- snapshot has to be younger than the lock, or it would miss rows committed while it waited.
-- The planner may take nested loops over indexes only: with statistics from before a bulk import
-- it would read whole tables. (Before Postgres 18 forbidden plans count as very dear ones, and the compiler for dear
-- plans would spend half a second on each pull, so it is off too.) A client that stops in the middle is thrown out after five seconds.
SELECT pg_advisory_xact_lock(hashtext('samelook.queue.{phase}')) IS NOT NULL
       AND set_config('enable_seqscan', 'off', true) = 'off'
       AND set_config('enable_hashjoin', 'off', true) = 'off'
       AND set_config('enable_mergejoin', 'off', true) = 'off'
       AND set_config('enable_bitmapscan', 'off', true) = 'off'
       AND set_config('jit', 'off', true) = 'off'
       AND set_config('idle_in_transaction_session_timeout', '5s', true) = '5s';

-- name: claim_fresh(worker_id, lease_id, lease_s, span, batch)^
-- The next inputs nobody has touched, best position first: `inputs` (ids) and `scanned` (index
-- entries looked at; 0 when the cursor is at the end). Touches `span` entries of
-- {inputs}_by_position and three index look-ups for each.
WITH spanned AS MATERIALIZED (
    SELECT i.id, i.position
    FROM {inputs} AS i
    WHERE i.position > (SELECT last_value FROM cursor_{phase}_fresh)
    ORDER BY i.position
    FETCH FIRST (:span::bigint) ROWS WITH TIES
),
due AS MATERIALIZED (
    SELECT s.id, s.position
    FROM spanned AS s
    LEFT JOIN {results} AS r ON r.{result_key} = s.id
    LEFT JOIN {errors} AS e ON e.{error_key} = s.id
    LEFT JOIN leases AS l ON l.phase = '{phase}' AND l.input_id = s.id
    WHERE r.{result_key} IS NULL AND e.{error_key} IS NULL AND l.input_id IS NULL
    ORDER BY s.position
    LIMIT :batch
),
claimed AS (
    INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)
    SELECT '{phase}', d.id, :lease_id, :worker_id, now() + (:lease_s)::float8 * interval '1 second'
    FROM due AS d
    ON CONFLICT DO NOTHING
    RETURNING input_id
)
SELECT
    array(SELECT d.id FROM due AS d JOIN claimed AS c ON c.input_id = d.id ORDER BY d.position) AS inputs,
    (SELECT count(*) FROM spanned) AS scanned,
    -- A full batch may have cut a group of equal positions in two: the next pull reads such a group again.
    (SELECT setval('cursor_{phase}_fresh',
                   CASE WHEN (SELECT count(*) FROM due) >= :batch
                        THEN (SELECT max(d.position) - CASE WHEN count(*) > 1 THEN 1 ELSE 0 END
                              FROM spanned AS d WHERE d.position = (SELECT max(position) FROM due))
                        ELSE (SELECT max(position) FROM spanned) END)
     WHERE EXISTS (SELECT FROM spanned)) AS cursor_at;

-- name: claim_requested(worker_id, lease_id, lease_s, batch)^
-- What somebody waits for, the oldest request first, as `inputs` and `scanned`; done or not, unless it is in
-- somebody's hands. Served by crawl_requests_waiting.
WITH spanned AS MATERIALIZED (
    SELECT r.input_id AS id, r.requested_at
    FROM crawl_requests AS r
    WHERE r.phase = '{phase}' AND r.taken_at IS NULL
    ORDER BY r.requested_at
    LIMIT :batch
),
taken AS (
    UPDATE crawl_requests AS r
    SET taken_at = now()
    FROM spanned AS s
    WHERE r.phase = '{phase}' AND r.input_id = s.id
),
claimed AS (
    INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)
    SELECT '{phase}', s.id, :lease_id, :worker_id, now() + (:lease_s)::float8 * interval '1 second'
    FROM spanned AS s
    JOIN {inputs} AS i ON i.id = s.id
    ON CONFLICT DO NOTHING
    RETURNING input_id
)
SELECT
    array(SELECT input_id FROM claimed) AS inputs,
    (SELECT count(*) FROM spanned) AS scanned;

-- name: claim_stale(worker_id, lease_id, lease_s, batch, older_than_s)^
-- The stalest results older than `older_than_s`, as `inputs` and `scanned`. Served by the index of
-- {results} by age. Inputs that failed since are left to `claim_failed`.
WITH spanned AS MATERIALIZED (
    SELECT r.{result_key} AS id, r.crawled_at
    FROM {results} AS r
    WHERE r.crawled_at > 'epoch'::timestamptz
              + (SELECT last_value FROM cursor_{phase}_stale) * interval '1 microsecond'
      AND r.crawled_at <= now() - (:older_than_s)::float8 * interval '1 second'
    ORDER BY r.crawled_at
    FETCH FIRST (:batch::bigint) ROWS WITH TIES
),
due AS MATERIALIZED (
    SELECT s.id
    FROM spanned AS s
    LEFT JOIN {errors} AS e ON e.{error_key} = s.id
    LEFT JOIN leases AS l ON l.phase = '{phase}' AND l.input_id = s.id
    WHERE e.{error_key} IS NULL AND l.input_id IS NULL
),
claimed AS (
    INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)
    SELECT '{phase}', d.id, :lease_id, :worker_id, now() + (:lease_s)::float8 * interval '1 second'
    FROM due AS d
    ON CONFLICT DO NOTHING
    RETURNING input_id
)
SELECT
    array(SELECT input_id FROM claimed) AS inputs,
    (SELECT count(*) FROM spanned) AS scanned,
    (SELECT setval('cursor_{phase}_stale', (extract(epoch FROM max(crawled_at)) * 1000000)::bigint)
     FROM spanned HAVING count(*) > 0) AS cursor_at;

-- name: claim_failed(worker_id, lease_id, lease_s, batch)^
-- Inputs whose last try failed and whose back-off has passed, as `inputs` and `scanned`. Served by the
-- index of {errors} by retry_at.
WITH spanned AS MATERIALIZED (
    SELECT e.{error_key} AS id, e.retry_at
    FROM {errors} AS e
    WHERE e.retry_at > 'epoch'::timestamptz
              + (SELECT last_value FROM cursor_{phase}_failed) * interval '1 microsecond'
      AND e.retry_at <= now()
    ORDER BY e.retry_at
    FETCH FIRST (:batch::bigint) ROWS WITH TIES
),
claimed AS (
    INSERT INTO leases (phase, input_id, lease_id, worker_id, expires_at)
    SELECT '{phase}', s.id, :lease_id, :worker_id, now() + (:lease_s)::float8 * interval '1 second'
    FROM spanned AS s
    ON CONFLICT DO NOTHING
    RETURNING input_id
)
SELECT
    array(SELECT input_id FROM claimed) AS inputs,
    (SELECT count(*) FROM spanned) AS scanned,
    (SELECT setval('cursor_{phase}_failed', (extract(epoch FROM max(retry_at)) * 1000000)::bigint)
     FROM spanned HAVING count(*) > 0) AS cursor_at;

-- name: claim_expired(worker_id, lease_id, lease_s, batch)^
-- Work of silent workers, taken over: `inputs` and, beside them, `attempts`. Served by
-- leases_by_expiry. Rows that another transaction is just finishing are skipped; the cursor stays a
-- minute behind, so that they are looked at again should it fail.
WITH due AS MATERIALIZED (
    SELECT l.input_id, l.expires_at
    FROM leases AS l
    WHERE l.phase = '{phase}'
      AND l.expires_at > 'epoch'::timestamptz
              + (SELECT last_value FROM cursor_{phase}_expired) * interval '1 microsecond'
      AND l.expires_at <= now()
    ORDER BY l.expires_at
    LIMIT :batch
    FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE leases AS l
    SET lease_id = :lease_id,
        worker_id = :worker_id,
        attempts = l.attempts + 1,
        leased_at = now(),
        expires_at = now() + (:lease_s)::float8 * interval '1 second'
    FROM due AS d
    WHERE l.phase = '{phase}' AND l.input_id = d.input_id
    RETURNING l.input_id, l.attempts
)
SELECT
    array(SELECT input_id FROM claimed ORDER BY input_id) AS inputs,
    array(SELECT attempts FROM claimed ORDER BY input_id) AS attempts,
    (SELECT count(*) FROM due) AS scanned,
    (SELECT setval('cursor_{phase}_expired', greatest(0, (extract(epoch FROM least(
                now() - interval '1 minute',
                CASE WHEN count(*) >= :batch THEN max(expires_at) - interval '1 microsecond' END
            )) * 1000000)::bigint))
     FROM due) AS cursor_at;

-- name: lower_fresh(lowest)$
-- Make pulls see inputs that were added at `lowest` or after it. The last statement of the transaction
-- that adds them, after lock_queue: whoever pulls next waits for the commit. Touches two sequences alone.
SELECT setval('cursor_{phase}_fresh', least(fresh.last_value, (:lowest)::bigint - 1)),
       setval('cursor_{phase}_done', least(done.last_value, (:lowest)::bigint - 1))
FROM cursor_{phase}_fresh AS fresh, cursor_{phase}_done AS done;

-- name: rewind()$
-- Start every source from its beginning: finds whatever a crash between a cursor's move and its commit left behind.
-- Touches five sequences alone.
SELECT setval('cursor_{phase}_fresh', 0) + setval('cursor_{phase}_stale', 0) + setval('cursor_{phase}_done', 0)
     + setval('cursor_{phase}_failed', 0) + setval('cursor_{phase}_expired', 0);

-- name: rewind_by_time()$
-- The same for the sources that are ordered by time; cheap, because what is done has left their range. Touches
-- three sequences alone.
SELECT setval('cursor_{phase}_stale', 0) + setval('cursor_{phase}_failed', 0)
     + setval('cursor_{phase}_expired', 0);

-- name: look_whether_done(span)^
-- Goes on from where inputs are known to be done: `looked_at`, the entries that this was worth, and `fresh`, the first
-- input among them that has neither result nor error, NULL for none. Pulls then go back to it. After lock_queue, as
-- inputs may be added meanwhile. Touches `span` entries of {inputs}_by_position and two index look-ups for each;
-- where all is known to be done, one step into that index.
WITH spanned AS MATERIALIZED (
    SELECT i.id, i.position
    FROM {inputs} AS i
    WHERE i.position > (SELECT last_value FROM cursor_{phase}_done)
    ORDER BY i.position
    FETCH FIRST (:span::bigint) ROWS WITH TIES
),
found AS MATERIALIZED (
    SELECT min(s.position) AS position
    FROM spanned AS s
    LEFT JOIN {results} AS r ON r.{result_key} = s.id
    LEFT JOIN {errors} AS e ON e.{error_key} = s.id
    WHERE r.{result_key} IS NULL AND e.{error_key} IS NULL
)
SELECT
    (SELECT count(*) FROM spanned) AS looked_at,
    f.position AS fresh,
    (SELECT setval('cursor_{phase}_done', coalesce(f.position - 1, max(s.position)))
     FROM spanned AS s HAVING count(*) > 0) AS done_to,
    (SELECT setval('cursor_{phase}_fresh', least(c.last_value, f.position - 1))
     FROM cursor_{phase}_fresh AS c WHERE f.position IS NOT NULL) AS cursor_at
FROM found AS f;

-- name: anything_leased()$
-- Whether somebody works on an input of this phase, or died at it. One step into the primary key.
SELECT EXISTS (SELECT FROM leases WHERE phase = '{phase}');

-- name: drop_leases(input_ids, lease_ids)
-- End the leases that are still ours, by (input, lease): those inputs. Whoever took over an expired
-- lease writes the outcome; the late worker's is dropped here. By primary key, a row a lease.
DELETE FROM leases AS l
USING unnest(:input_ids::bigint[], :lease_ids::uuid[]) AS mine (input_id, lease_id)
WHERE l.phase = '{phase}' AND l.input_id = mine.input_id AND l.lease_id = mine.lease_id
RETURNING l.input_id;

-- name: release_leases(input_ids, lease_ids)!
-- Give work back untouched: it expires at once, and does not count as an attempt. By primary key, a row a lease.
UPDATE leases AS l
SET expires_at = now(), attempts = l.attempts - 1
FROM unnest(:input_ids::bigint[], :lease_ids::uuid[]) AS mine (input_id, lease_id)
WHERE l.phase = '{phase}' AND l.input_id = mine.input_id AND l.lease_id = mine.lease_id;

-- name: renew_leases(input_ids, lease_ids, lease_s)!
-- Keep the leases that a worker holds from expiring; only those past half of their time are written. Those that
-- somebody is just writing are left to the next round: two who wait for each other's leases would wait for ever.
-- A worker names its leases, because the database may know of more: where the connection was lost after a claim
-- was committed, the worker never saw what it claimed. Those leases have to expire. By primary key, a row a lease.
WITH ours AS MATERIALIZED (
    SELECT l.input_id
    FROM unnest(:input_ids::bigint[], :lease_ids::uuid[]) AS mine (input_id, lease_id)
    JOIN leases AS l ON l.phase = '{phase}' AND l.input_id = mine.input_id AND l.lease_id = mine.lease_id
    WHERE l.expires_at BETWEEN now() AND now() + (:lease_s)::float8 * 0.5 * interval '1 second'
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE leases AS l
SET expires_at = now() + (:lease_s)::float8 * interval '1 second'
FROM ours
WHERE l.phase = '{phase}' AND l.input_id = ours.input_id;

-- name: clear_errors(input_ids)!
-- Forget the errors of inputs that have a result now. By the unique index of inputs.
DELETE FROM {errors} WHERE {error_key} = ANY (:input_ids::bigint[]);

-- name: write_errors(input_ids, errors, wait_s, injected, first_s, longest_s)!
-- Keep what went wrong, one row an input. The back-off doubles with each failure in a row, with a tenth
-- of jitter; `wait_s` (a Retry-After, or the longest back-off for what retrying cannot mend) prevails when longer.
-- An injected error keeps the real one that it replaces; a real one goes on where the last real one was.
INSERT INTO {errors} AS e ({error_key}, error, retry_at, injected)
SELECT f.input_id, f.error::jsonb,
       now() + greatest(f.wait_s, :first_s::float8) * (0.95 + 0.1 * random()) * interval '1 second', f.injected
FROM unnest(:input_ids::bigint[], :errors::text[], :wait_s::float8[], :injected::boolean[])
    AS f (input_id, error, wait_s, injected)
ON CONFLICT ({error_key}) DO UPDATE
SET error = excluded.error,
    attempts = CASE WHEN e.injected AND NOT excluded.injected
                    THEN coalesce((e.replaced ->> 'attempts')::integer, 0) ELSE e.attempts END + 1,
    first_at = CASE WHEN e.injected AND NOT excluded.injected
                    THEN coalesce((e.replaced ->> 'first_at')::timestamptz, now()) ELSE e.first_at END,
    at = now(),
    injected = excluded.injected,
    replaced = CASE WHEN NOT excluded.injected THEN NULL
                    WHEN e.injected THEN e.replaced
                    ELSE to_jsonb(e) - 'kind' - 'replaced' END,
    retry_at = greatest(
        excluded.retry_at,
        now() + least(:longest_s::float8, :first_s::float8 * 2 ^ least(e.attempts, 20))
                * (0.95 + 0.1 * random()) * interval '1 second');
