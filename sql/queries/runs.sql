-- Runs of the crawl and of imports, as `samelook crawl runs` shows them.

-- name: start_run(kind, what, every_s, due_at, next_at, missed, host, pid)$
-- Notes that a run begins; its number. One row.
INSERT INTO crawl_runs (kind, what, every_s, due_at, next_at, missed, host, pid)
VALUES (:kind, :what, :every_s, :due_at, :next_at, :missed, :host, :pid)
RETURNING id;

-- name: run_lives(run_id, counts)!
-- Notes that a run is at work, and how far it got. By primary key: one row.
UPDATE crawl_runs SET seen_at = now(), counts = (:counts)::text::jsonb WHERE id = :run_id;

-- name: finish_run(run_id, outcome, counts, errors, message)!
-- Notes how a run has ended. By primary key: one row.
UPDATE crawl_runs
SET finished_at = now(), seen_at = now(), outcome = :outcome, counts = (:counts)::text::jsonb,
    errors = (:errors)::text::jsonb, message = :message
WHERE id = :run_id;

-- name: errors_since(run_id)
-- Errors by kind that inputs met since the run began, the most frequent first. Reads the indexes by kind and time;
-- at most as many entries as there are errors.
WITH run AS MATERIALIZED (SELECT started_at FROM crawl_runs WHERE id = :run_id)
SELECT met.kind, sum(met.count)::bigint AS count
FROM (
    SELECT e.kind, count(*) AS count FROM domain_errs AS e
    WHERE e.at >= (SELECT started_at FROM run) GROUP BY e.kind
    UNION ALL
    SELECT e.kind, count(*) FROM icon_errs AS e
    WHERE e.at >= (SELECT started_at FROM run) GROUP BY e.kind
    UNION ALL
    SELECT e.kind, count(*) FROM hashing_errs AS e
    WHERE e.at >= (SELECT started_at FROM run) GROUP BY e.kind
) AS met
GROUP BY met.kind
ORDER BY count DESC, met.kind;

-- name: others_running(run_id, kind, silent_s)
-- Runs of this kind that are at work besides this one. Reads the rows of the kind.
SELECT host, pid, what, started_at
FROM crawl_runs
WHERE finished_at IS NULL AND id <> :run_id AND kind = :kind
  AND seen_at > now() - (:silent_s)::float8 * interval '1 second'
ORDER BY id;

-- name: last_scheduled(kind, what)^
-- The last scheduled run of this kind and content, and how many on end have failed up to it: looks into the index.
SELECT r.due_at, r.finished_at,
       (SELECT count(*) FROM crawl_runs AS f
        WHERE f.kind = r.kind AND f.what = r.what AND f.every_s IS NOT NULL AND f.id > coalesce((
            SELECT max(g.id) FROM crawl_runs AS g
            WHERE g.kind = r.kind AND g.what = r.what AND g.every_s IS NOT NULL AND g.outcome IS DISTINCT FROM 'failed'
        ), 0)) AS failures
FROM crawl_runs AS r
WHERE r.kind = :kind AND r.what = :what AND r.every_s IS NOT NULL
ORDER BY r.id DESC LIMIT 1;

-- name: runs_page(before_id, silent_s, page)
-- A page of runs, the newest first, by the primary key.
SELECT id, kind, what, started_at, finished_at, seen_at, outcome, counts::text AS counts, errors::text AS errors,
       message, every_s, due_at, next_at, missed, host, pid,
       extract(epoch FROM coalesce(finished_at, seen_at) - started_at)::float8 AS seconds,
       finished_at IS NULL AND seen_at < now() - (:silent_s)::float8 * interval '1 second' AS silent
FROM crawl_runs
WHERE (:before_id)::bigint IS NULL OR id < :before_id
ORDER BY id DESC
LIMIT :page;

-- name: newest_runs()
-- Of every schedule and of every kind that is run by hand the newest run, and how late its follower is.
-- Reads the table, a row a run.
SELECT DISTINCT ON (kind, what, every_s IS NULL)
       id, kind, what, every_s, started_at, finished_at, seen_at, outcome, message, next_at, missed,
       coalesce(extract(epoch FROM now() - next_at)::float8, 0.0) AS late_s,
       extract(epoch FROM now() - seen_at)::float8 AS silence_s
FROM crawl_runs
ORDER BY kind, what, every_s IS NULL, id DESC;

-- name: tell_of_run(run_id, problem)$
-- Notes that somebody is told of a run's trouble; its number, or nothing where it was told before. By primary key.
UPDATE crawl_runs SET told = :problem
WHERE id = :run_id AND told IS DISTINCT FROM :problem
RETURNING id;

-- name: forget_old_runs(days)!
-- Forgets runs that are so many days old. Reads the table, a row a run.
DELETE FROM crawl_runs WHERE started_at < now() - (:days)::float8 * interval '1 day';

-- name: note_list_source(import_id, url, etag, last_modified, choices)!
-- Where an imported list came from, and with which choices it was imported. One row, by key.
UPDATE rank_imports
SET url = :url, etag = :etag, last_modified = :last_modified, choices = :choices
WHERE id = :import_id;

-- name: last_import_of(url, choices)^
-- The last whole import of this address, for conditional requests; no row if it was imported with other choices.
-- Reads the imports, a row each.
SELECT url, etag, last_modified, finished_at
FROM (SELECT * FROM rank_imports WHERE url = :url AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1) AS newest
WHERE choices = :choices;
