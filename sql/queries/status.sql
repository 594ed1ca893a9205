-- What `samelook crawl status` shows.

-- name: phase_counts()
-- For each phase: inputs, results, errors and leases. Counts whole tables (index-only, some tenths
-- of a second for each ten million rows).
SELECT 'domains' AS phase,
       (SELECT count(*) FROM domains) AS inputs,
       (SELECT count(*) FROM target_urls) AS done,
       (SELECT count(*) FROM domain_errs) AS failed,
       (SELECT count(*) FROM leases WHERE phase = 'domains' AND expires_at > now()) AS leased
UNION ALL
SELECT 'icons',
       (SELECT count(*) FROM target_urls),
       (SELECT count(*) FROM page_visits),
       (SELECT count(*) FROM icon_errs),
       (SELECT count(*) FROM leases WHERE phase = 'icons' AND expires_at > now())
UNION ALL
SELECT 'hashes',
       (SELECT count(*) FROM icon_urls),
       (SELECT count(*) FROM favicon_metadata),
       (SELECT count(*) FROM hashing_errs),
       (SELECT count(*) FROM leases WHERE phase = 'hashes' AND expires_at > now());

-- name: error_counts()
-- Errors of each phase by kind, the most frequent first. Served by the indexes by kind.
SELECT 'domains' AS phase, kind, count(*) AS count FROM domain_errs GROUP BY kind
UNION ALL
SELECT 'icons', kind, count(*) FROM icon_errs GROUP BY kind
UNION ALL
SELECT 'hashes', kind, count(*) FROM hashing_errs GROUP BY kind
ORDER BY phase, count DESC, kind;

-- name: recent_rates()
-- For each phase: results in the busiest of the ten minutes before its newest result, and the seconds they took; what
-- comes last of a run are stragglers. Served by the indexes by age, index-only; reads ten minutes' entries.
(SELECT 'icons' AS phase, count(*) AS count, extract(epoch FROM max(v.crawled_at) - min(v.crawled_at))::float8 AS seconds
 FROM (SELECT max(crawled_at) AS at FROM page_visits) AS top
 JOIN page_visits AS v ON v.crawled_at > top.at - interval '10 minutes'
 GROUP BY floor(extract(epoch FROM top.at - v.crawled_at) / 60)
 ORDER BY 2 DESC LIMIT 1)
UNION ALL
(SELECT 'hashes', count(*), extract(epoch FROM max(m.crawled_at) - min(m.crawled_at))::float8
 FROM (SELECT max(crawled_at) AS at FROM favicon_metadata) AS top
 JOIN favicon_metadata AS m ON m.crawled_at > top.at - interval '10 minutes'
 GROUP BY floor(extract(epoch FROM top.at - m.crawled_at) / 60)
 ORDER BY 2 DESC LIMIT 1);

-- name: picture_counts()^
-- Icons that hold a picture, and how many different pictures there are. Counts whole tables, from indexes.
SELECT (SELECT count(*) FROM favicon_metadata WHERE sha256 IS NOT NULL) AS icons,
       (SELECT count(*) FROM favicon_metadata WHERE sha256 IS NULL) AS absent,
       (SELECT count(*) FROM favicons) AS pictures;

-- name: live_workers(silent_s)
-- Workers that showed a sign of life lately, with what they did since they started. Reads the table, which holds a
-- week's processes.
SELECT id, host, pid, phases, started_at, last_seen_at, progress::text AS progress, load::text AS load
FROM crawl_workers
WHERE stopped_at IS NULL AND last_seen_at > now() - (:silent_s)::float8 * interval '1 second'
ORDER BY started_at;

-- name: workers_since(since)
-- What workers did that showed a sign of life after `since` (seconds since 1970). Reads the table, which holds a
-- week's processes.
SELECT id, progress::text AS progress
FROM crawl_workers
WHERE last_seen_at > to_timestamp((:since)::float8);

-- name: lately(most)
-- For each phase: how many results came in each minute of the hour before the newest, as minutes before it. Served by
-- the indexes by age, index-only; reads at most `most` entries of each.
SELECT 'icons' AS phase, floor(extract(epoch FROM top.at - one.crawled_at) / 60)::integer AS minutes, count(*) AS results
FROM (SELECT max(crawled_at) AS at FROM page_visits) AS top
CROSS JOIN LATERAL (
    SELECT v.crawled_at FROM page_visits AS v
    WHERE v.crawled_at > top.at - interval '1 hour' ORDER BY v.crawled_at DESC LIMIT :most
) AS one
GROUP BY 2
UNION ALL
SELECT 'hashes', floor(extract(epoch FROM top.at - one.crawled_at) / 60)::integer, count(*)
FROM (SELECT max(crawled_at) AS at FROM favicon_metadata) AS top
CROSS JOIN LATERAL (
    SELECT m.crawled_at FROM favicon_metadata AS m
    WHERE m.crawled_at > top.at - interval '1 hour' ORDER BY m.crawled_at DESC LIMIT :most
) AS one
GROUP BY 2;
