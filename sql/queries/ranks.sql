-- Rank lists into `domains`. Lines are copied into the temporary table rank_lines, some hundred
-- thousand at a time, and merged from there. Whoever imports holds one connection throughout.

-- name: lock_imports()$
-- Whether this session may import: one import at a time, until unlock_imports or the session's end. Touches no
-- table.
SELECT pg_try_advisory_lock(hashtext('samelook.rank_import'));

-- name: unlock_imports()$
-- Lets others import ranks again; whether the session held the lock. Touches no table.
SELECT pg_advisory_unlock(hashtext('samelook.rank_import'));

-- name: create_rank_lines()#
-- The tables of one import, gone with its session. rank_seen holds the domains that the list names and the import
-- left as they were, so that a second line about them changes nothing and `complete` spares them.
CREATE TEMPORARY TABLE rank_lines (
    harmonic_position bigint,
    harmonic_value    double precision,
    pagerank_position bigint,
    pagerank_value    double precision,
    reversed_name     text COLLATE "C" NOT NULL,
    n_hosts           bigint,
    list_position     bigint
);
CREATE TEMPORARY TABLE rank_seen (domain_id bigint PRIMARY KEY);

-- name: drop_rank_lines()#
-- Drops the session's own tables, where an import before had other columns.
DROP TABLE IF EXISTS pg_temp.rank_lines, pg_temp.rank_seen;

-- name: start_import(file, source)$
-- Notes that an import begins; its id. One row.
INSERT INTO rank_imports (file, source) VALUES (:file, :source) RETURNING id;

-- name: note_import(import_id, lines, domains, bad_lines, finished)!
-- Notes how far an import got, and whether it has ended. By primary key: one row.
UPDATE rank_imports
SET lines = :lines, domains = :domains, bad_lines = :bad_lines,
    finished_at = CASE WHEN :finished THEN now() END
WHERE id = :import_id;

-- name: prepare_merge()$
-- For the rest of the transaction: the lines of one merge are sorted without files, and known domains are found by one
-- look into an index each; the planner would rather read the whole table for every merge.
SELECT set_config('work_mem', '64MB', true) IS NOT NULL
       AND set_config('enable_seqscan', 'off', true) = 'off'
       AND set_config('enable_hashjoin', 'off', true) = 'off'
       AND set_config('enable_mergejoin', 'off', true) = 'off';

-- name: add_domains(import_id, source)!
-- Add the domains that are new, in the order of their names: lists are in no such order, and taking them as they come
-- would touch a page of the index of names for each row. One merge is near enough in rank for its rows to stay in
-- the cache while the crawl passes. Of two lines about one domain the first counts. A known domain costs
-- one look into the index and no write.
INSERT INTO domains (reversed_name, harmonic_position, harmonic_value, pagerank_position, pagerank_value,
                     n_hosts, list_position, source, import_id, ranked_at)
SELECT l.reversed_name, l.harmonic_position, l.harmonic_value, l.pagerank_position, l.pagerank_value,
       l.n_hosts, l.list_position, (:source)::text, (:import_id)::bigint, now()
FROM rank_lines AS l
ORDER BY l.reversed_name, l.ctid
ON CONFLICT (reversed_name) DO NOTHING;

-- name: add_unranked_lines(import_id)!
-- Make the domains of the lines known without a rank, whatever the list says of theirs: they are crawled after all
-- ranked ones and trusted no more than strangers. Known ones are left as they are; one look into the index each.
INSERT INTO domains (reversed_name, source, import_id)
SELECT DISTINCT l.reversed_name, 'request', (:import_id)::bigint
FROM rank_lines AS l
ORDER BY l.reversed_name
ON CONFLICT (reversed_name) DO NOTHING;

-- name: ranked_to(position)$
-- How many domains have a rank up to this one; an index-only scan of as many entries.
SELECT count(*) FROM domains WHERE position <= :position;

-- name: update_domains(import_id, source, harmonic)^
-- Give known domains their new ranks: `updated`, `unchanged` and `outranked` rows. Rows that would not change are
-- not written (ON CONFLICT DO UPDATE would lock, that is write, each of them). Harmonic centrality outranks other
-- lists, and of its two kinds that of domains outranks that of hosts.
WITH first_lines AS MATERIALIZED (
    SELECT DISTINCT ON (l.reversed_name) l.*
    FROM rank_lines AS l
    ORDER BY l.reversed_name, l.ctid
),
known AS MATERIALIZED (
    SELECT d.id, l.*,
           d.harmonic_position IS NOT NULL
               AND (NOT (:harmonic)::boolean OR (d.source = 'commoncrawl-domain' AND d.source <> (:source)::text)) AS outranked,
           (d.harmonic_position, d.harmonic_value, d.pagerank_position, d.pagerank_value,
            d.n_hosts, d.list_position, d.source)
               IS DISTINCT FROM
           (l.harmonic_position, l.harmonic_value, l.pagerank_position, l.pagerank_value,
            l.n_hosts, l.list_position, (:source)::text) AS differs
    FROM first_lines AS l
    JOIN domains AS d ON d.reversed_name = l.reversed_name
    WHERE d.import_id IS DISTINCT FROM :import_id
      AND NOT EXISTS (SELECT FROM rank_seen AS s WHERE s.domain_id = d.id)
),
updated AS (
    UPDATE domains AS d
    SET harmonic_position = k.harmonic_position, harmonic_value = k.harmonic_value,
        pagerank_position = k.pagerank_position, pagerank_value = k.pagerank_value,
        n_hosts = k.n_hosts, list_position = k.list_position,
        source = :source, import_id = :import_id, ranked_at = now()
    FROM known AS k
    WHERE d.id = k.id AND k.differs AND NOT k.outranked
    RETURNING 1
),
spared AS (
    INSERT INTO rank_seen (domain_id)
    SELECT k.id FROM known AS k WHERE k.outranked OR NOT k.differs
)
SELECT
    (SELECT count(*) FROM updated) AS updated,
    (SELECT count(*) FROM known WHERE NOT outranked AND NOT differs) AS unchanged,
    (SELECT count(*) FROM known WHERE outranked) AS outranked;

-- name: lowest_position()$
-- The best position among the lines that wait. Reads the session's own table.
SELECT min(coalesce(harmonic_position, list_position)) FROM rank_lines;

-- name: empty_rank_lines()#
-- Empties the session's own table before the next block is copied into it.
TRUNCATE pg_temp.rank_lines;

-- name: unrank_missing(import_id, source)!
-- Take the rank from the domains of this source that its list no longer names; what the crawl found stays. Reads
-- all domains once.
UPDATE domains AS d
SET harmonic_position = NULL, harmonic_value = NULL, pagerank_position = NULL, pagerank_value = NULL,
    n_hosts = NULL, list_position = NULL, import_id = :import_id, ranked_at = now()
WHERE d.source = :source
  AND d.import_id IS DISTINCT FROM :import_id
  AND coalesce(d.harmonic_position, d.list_position) IS NOT NULL
  AND NOT EXISTS (SELECT FROM rank_seen AS s WHERE s.domain_id = d.id);

-- name: analyze_domains()!
-- Statistics for the planner; autovacuum would come a minute later. Reads a sample of domains: seconds at a hundred
-- million.
ANALYZE domains;
