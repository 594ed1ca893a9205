-- Questions of the inspector that are the same for several tables. The words in braces are filled in when the file
-- is loaded (samelook.inspector.tables), from fixed tables of names:
--   {table}                        a table to count
--   {phase} {inputs} {results} {errors} {error_key} {url} {site_join}
--                                  one phase's tables, and the way from its errors to the domain

-- name: count_{table}(most)^
-- How many rows: exact up to `most`, beyond it the planner's estimate. Reads no more than `most` index entries.
SELECT (SELECT count(*) FROM (SELECT FROM {table} LIMIT :most) AS counted) AS counted,
       (SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass) AS estimated;

-- name: errors_{phase}(since, before, before_id, page)
-- A page of the errors of one phase, the newest first, after (`before`, `before_id`). Served by {errors}_by_time.
SELECT '{phase}' AS phase, d.reversed_name, {url} AS url, e.id, e.kind, e.error, e.attempts, e.first_at, e.at,
       e.retry_at, e.injected
FROM (
    SELECT *
    FROM {errors}
    WHERE (at, id) < (coalesce((:before)::timestamptz, 'infinity'),
                      coalesce((:before_id)::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      AND at >= coalesce((:since)::timestamptz, '-infinity')
    ORDER BY at DESC, id DESC
    LIMIT :page
) AS e
{site_join}
ORDER BY e.at DESC, e.id DESC;

-- name: errors_of_kind_{phase}(kind, since, before, before_id, page)
-- The same for one kind of error. Served by {errors}_by_kind.
SELECT '{phase}' AS phase, d.reversed_name, {url} AS url, e.id, e.kind, e.error, e.attempts, e.first_at, e.at,
       e.retry_at, e.injected
FROM (
    SELECT *
    FROM {errors}
    WHERE kind = :kind
      AND at <= coalesce((:before)::timestamptz, 'infinity')
      AND (at, id) < (coalesce((:before)::timestamptz, 'infinity'),
                      coalesce((:before_id)::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      AND at >= coalesce((:since)::timestamptz, '-infinity')
    ORDER BY at DESC, id DESC
    LIMIT :page
) AS e
{site_join}
ORDER BY e.at DESC, e.id DESC;

-- name: retries_due_{phase}(most)$
-- How many errors' back-off has passed, counted up to `most`. Served by {errors}_by_retry.
SELECT count(*) FROM (SELECT FROM {errors} WHERE retry_at <= now() LIMIT :most) AS due;

-- name: failed_lately_{phase}(seconds, most)$
-- How many inputs failed in the last `seconds`, injected failures left out. Served by {errors}_by_time.
SELECT count(*)
FROM (
    SELECT FROM {errors}
    WHERE at > now() - (:seconds)::float8 * interval '1 second' AND NOT injected
    LIMIT :most
) AS failed;

-- name: done_lately_{phase}(seconds, most)$
-- How many results the last `seconds` brought. Served by the index of {results} by age.
SELECT count(*)
FROM (
    SELECT FROM {results}
    WHERE crawled_at > now() - (:seconds)::float8 * interval '1 second'
    LIMIT :most
) AS done;

-- name: stale_{phase}(seconds, most)$
-- How many results are older than `seconds`. Served by the index of {results} by age.
SELECT count(*)
FROM (
    SELECT FROM {results}
    WHERE crawled_at <= now() - (:seconds)::float8 * interval '1 second'
    LIMIT :most
) AS stale;

-- name: inject_error_{phase}(input_ids, error, attempts, retry_in)!
-- An error that is marked; a real one in its place is kept in `replaced`. By the unique index of inputs, a row an
-- input.
INSERT INTO {errors} AS e ({error_key}, error, attempts, retry_at, injected)
SELECT input_id, (:error)::text::jsonb, :attempts, now() + (:retry_in)::interval, true
FROM unnest(:input_ids::bigint[]) AS input_id
ORDER BY input_id
ON CONFLICT ({error_key}) DO UPDATE
SET error = excluded.error, attempts = excluded.attempts, first_at = now(), at = now(),
    retry_at = excluded.retry_at, injected = true,
    replaced = CASE WHEN e.injected THEN e.replaced ELSE to_jsonb(e) - 'kind' - 'replaced' END;

-- name: restore_errors_{phase}()$
-- Give back the real errors that injected ones had replaced; how many. Served by {errors}_injected.
WITH back AS (
    UPDATE {errors}
    SET id = (replaced ->> 'id')::uuid, error = replaced -> 'error', attempts = (replaced ->> 'attempts')::integer,
        first_at = (replaced ->> 'first_at')::timestamptz, at = (replaced ->> 'at')::timestamptz,
        retry_at = (replaced ->> 'retry_at')::timestamptz, injected = false, replaced = NULL
    WHERE injected AND replaced IS NOT NULL
    RETURNING 1
)
SELECT count(*) FROM back;

-- name: drop_errors_{phase}()
-- Take injected errors away; the positions of their inputs. Served by {errors}_injected.
DELETE FROM {errors} AS e
USING {inputs} AS i
WHERE e.injected AND i.id = e.{error_key}
RETURNING i.position;

-- name: kinds_{phase}(kind, since, most)
-- Errors by kind: how many inputs (counted up to `most`), the newest. Steps from kind to kind in {errors}_by_kind and
-- reads at most `most` of its entries for each; injected ones have an index of their own.
WITH RECURSIVE kinds AS (
    (SELECT kind FROM {errors} ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT e.kind FROM {errors} AS e WHERE e.kind > k.kind ORDER BY e.kind LIMIT 1)
    FROM kinds AS k
    WHERE k.kind IS NOT NULL
)
SELECT '{phase}' AS phase, k.kind, c.inputs, c.inputs >= :most AS or_more,
       (SELECT count(*) FROM {errors} AS e
        WHERE e.injected AND e.kind = k.kind AND e.at >= coalesce((:since)::timestamptz, '-infinity')) AS injected,
       (SELECT max(e.at) FROM {errors} AS e WHERE e.kind = k.kind) AS newest
FROM kinds AS k
CROSS JOIN LATERAL (
    SELECT count(*) AS inputs
    FROM (
        SELECT FROM {errors} AS e
        WHERE e.kind = k.kind AND e.at >= coalesce((:since)::timestamptz, '-infinity')
        LIMIT :most
    ) AS counted
) AS c
WHERE c.inputs > 0 AND k.kind = coalesce((:kind)::text, k.kind)
ORDER BY c.inputs DESC, k.kind;
