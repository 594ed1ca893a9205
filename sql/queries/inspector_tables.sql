-- Questions of the inspector that are the same for several tables. The words in braces are filled in when the file
-- is loaded (inspector.tables), from fixed tables of names:
--   {table}                        a table to count
--   {signal}                       a table of hashes
--   {phase} {errors} {site_join}   errors of one phase, and the way from them to the domain

-- name: count_{table}(most)^
-- How many rows: exact up to `most`, beyond it the planner's estimate. Reads no more than `most` index entries.
SELECT (SELECT count(*) FROM (SELECT FROM {table} LIMIT :most) AS counted) AS counted,
       (SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass) AS estimated;

-- name: hashes_{signal}(after, page)
-- A page of one signal's hashes, by picture. Served by the primary key.
SELECT sha256, hash FROM hash_{signal} WHERE sha256 > :after ORDER BY sha256 LIMIT :page;

-- name: equal_{signal}(hashes, most)
-- Pictures with exactly these hashes. Served by the index by hash.
SELECT sha256, hash FROM hash_{signal} WHERE hash = ANY (:hashes::bytea[]) LIMIT :most;

-- name: worn_{signal}(after, page)
-- A page of one signal's hashes with the targets that wear each picture now (injected ones left out).
SELECT h.sha256, h.hash, w.targets, w.positions
FROM (
    SELECT sha256, hash FROM hash_{signal} WHERE sha256 > :after ORDER BY sha256 LIMIT :page
) AS h
CROSS JOIN LATERAL (
    SELECT array_agg(t.domain_id) AS targets, array_agg(t.position) AS positions
    FROM favicon_metadata AS m
    JOIN site_icons AS s ON s.icon_url_id = m.icon_url_id AND s.gone_at IS NULL
    JOIN target_urls AS t ON t.id = s.target_url_id
    WHERE m.sha256 = h.sha256 AND NOT m.injected
) AS w
ORDER BY h.sha256;

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
