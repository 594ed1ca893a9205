-- What the crawl found, turned into numbered facts by the keeper, and read by every process that answers.

-- name: try_keeping()$
-- Whether this session is the keeper now: the only one that numbers changes, until it ends. Touches no table.
SELECT pg_try_advisory_lock(hashtext('samelook.verdicts.keeper'));

-- name: take_site_changes(batch)
-- Domains of which something has changed, oldest change first; the rows are gone when the transaction commits.
WITH taken AS (
    DELETE FROM site_changes
    WHERE id IN (SELECT id FROM site_changes ORDER BY id LIMIT :batch)
    RETURNING domain_id
)
SELECT DISTINCT domain_id FROM taken;

-- name: rank_signature()^
-- Changes whenever an import has merged something, and when it ends. Reads the table, a row an import.
SELECT coalesce(max(id), 0) AS newest, coalesce(sum(lines), 0)::bigint AS lines, count(*) AS imports,
       count(finished_at) AS finished
FROM rank_imports;

-- name: note_ranked(trusted_to)!
-- Queue the domains whose rank is not the one in site_facts: those that could be protected, and those visited.
-- Reads domains_by_position up to `trusted_to`, and site_facts once.
INSERT INTO site_changes (domain_id)
SELECT d.id
FROM domains AS d
LEFT JOIN site_facts AS f ON f.domain_id = d.id
WHERE d.position <= :trusted_to AND (f.domain_id IS NULL OR f.position IS DISTINCT FROM d.position)
UNION
SELECT f.domain_id
FROM site_facts AS f
JOIN domains AS d ON d.id = f.domain_id
WHERE f.position IS DISTINCT FROM coalesce(d.harmonic_position, d.list_position);

-- name: note_settled(probation_s)!
-- Queue the domains whose new rank has held long enough. By site_facts_on_probation.
INSERT INTO site_changes (domain_id)
SELECT domain_id FROM site_facts
WHERE new_since IS NOT NULL AND new_since <= now() - (:probation_s)::float8 * interval '1 second';

-- name: note_expired_looks(former_s, batch)!
-- Queue the domains with looks that are protected no longer. Reads site_looks until the batch is full.
INSERT INTO site_changes (domain_id)
SELECT DISTINCT domain_id FROM (
    SELECT domain_id FROM site_looks
    WHERE gone_since <= now() - (:former_s)::float8 * interval '1 second'
    LIMIT :batch) AS expired;

-- name: note_everything()!
-- Queue every domain that was visited or failed: for a database whose crawl is older than the verdicts. Reads both
-- tables once.
INSERT INTO site_changes (domain_id)
SELECT domain_id FROM target_urls
UNION
SELECT domain_id FROM domain_errs;

-- name: note_all_facts()!
-- Queue every domain that has facts: which site a host belongs to has changed. Reads the whole table.
INSERT INTO site_changes (domain_id) SELECT domain_id FROM site_facts;

-- name: take_names_version(version)$
-- Stores which lists of names this version has; true if the facts were made with others. One row.
UPDATE verdict_epochs SET names_version = :version
WHERE names_version IS DISTINCT FROM :version
RETURNING true;

-- name: anything_known()$
-- Whether there are facts, or changes that will become facts. One step into each table.
SELECT EXISTS (SELECT FROM site_facts) OR EXISTS (SELECT FROM site_changes);

-- name: changes_wait()$
-- Whether changes wait to become facts. One step into site_changes.
SELECT EXISTS (SELECT FROM site_changes);

-- name: baseline_import()$
-- The import of ranks before which nobody counts as new to the list. One row.
SELECT baseline_import FROM verdict_epochs;

-- name: set_baseline_import()!
-- Once the first ranks are in and no import is under way. One row, after a step into each table that it asks.
UPDATE verdict_epochs
SET baseline_import = (SELECT max(id) FROM rank_imports)
WHERE baseline_import IS NULL
  AND EXISTS (SELECT FROM rank_imports WHERE finished_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM rank_imports
                  WHERE finished_at IS NULL AND started_at > now() - interval '1 day')
  AND EXISTS (SELECT FROM site_facts WHERE trusted_position IS NOT NULL);

-- name: crawl_facts(domain_ids)
-- What the crawl knows of domains now, beside what site_facts holds of their ranks. Served by primary keys.
-- What was injected on purpose is not there: the real error that it replaced counts, if there was one.
WITH asked AS MATERIALIZED (
    SELECT d.id, t.id AS target_id
    FROM domains AS d
    LEFT JOIN target_urls AS t ON t.domain_id = d.id
    WHERE d.id = ANY (:domain_ids::bigint[])
),
offered AS MATERIALIZED (
    SELECT a.id, s.icon_url_id, s.source, m.sha256, m.icon_url_id IS NOT NULL AS fetched,
           CASE WHEN h.injected THEN h.replaced #>> '{error,kind}' ELSE h.kind END AS hashing_error,
           l.kind AS look_error
    FROM asked AS a
    JOIN site_icons AS s ON s.target_url_id = a.target_id AND s.gone_at IS NULL
    LEFT JOIN favicon_metadata AS m ON m.icon_url_id = s.icon_url_id AND NOT m.injected
    LEFT JOIN hashing_errs AS h ON h.icon_url_id = s.icon_url_id
    LEFT JOIN look_errs AS l ON l.sha256 = m.sha256
    WHERE NOT EXISTS (SELECT FROM injected_icon_urls AS i WHERE i.icon_url_id = s.icon_url_id)
)
SELECT d.id, d.reversed_name, coalesce(d.harmonic_position, d.list_position) AS position, d.n_hosts, d.import_id,
       v.final_url, v.crawled_at AS visited_at,
       coalesce(CASE WHEN e.injected THEN e.replaced #>> '{error,kind}' ELSE e.kind END,
                CASE WHEN p.injected THEN p.replaced #>> '{error,kind}' ELSE p.kind END,
                CASE WHEN v.status IN (401, 403, 429, 503)
                          AND NOT EXISTS (SELECT FROM offered AS o
                                          WHERE o.id = d.id AND o.source = 'well-known'
                                            AND (o.sha256 IS NOT NULL OR NOT o.fetched AND o.hashing_error IS NULL))
                     THEN 'walled' END) AS discovery_error,
       f.domain_id IS NOT NULL AS known, f.trusted_position, f.new_position, f.new_since,
       array(SELECT DISTINCT k.kind
             FROM offered AS o
             CROSS JOIN LATERAL (VALUES (o.hashing_error), (o.look_error)) AS k (kind)
             WHERE o.id = d.id AND k.kind IS NOT NULL) AS hashing_errors,
       EXISTS (SELECT
               FROM offered AS o
               WHERE o.id = d.id AND o.hashing_error IS NULL
                 AND (NOT o.fetched
                      OR o.sha256 IS NOT NULL AND o.look_error IS NULL
                         AND NOT EXISTS (SELECT FROM looks AS k WHERE k.sha256 = o.sha256))) AS waiting
FROM asked AS a
JOIN domains AS d ON d.id = a.id
LEFT JOIN page_visits AS v ON v.target_url_id = a.target_id AND NOT v.injected
LEFT JOIN domain_errs AS e ON e.domain_id = d.id
LEFT JOIN icon_errs AS p ON p.target_url_id = a.target_id
LEFT JOIN site_facts AS f ON f.domain_id = d.id;

-- name: crawl_looks(domain_ids, former_s, confirmed_s)
-- Which pictures domains offer or offered lately, as far as their looks are known; injected ones left out. One is
-- confirmed when it was fetched again after so long. displayed_by says who shows it in a tab: Chromium tries links
-- until none of the rest promises more than the best is worth, and takes status 200 alone; Firefox takes the first that
-- is there. Where a wall answered for the page, what it links to is the wall's; a path that every site has is the
-- site's own. Of what was not noted yet, and of what is gone, both are said to show it.
-- Served by the keys of site_icons and favicon_metadata.
WITH offered AS MATERIALIZED (
    SELECT t.domain_id, s.icon_url_id, s.gone_at, s.found_at, s.promised, s.chromium_place, s.firefox_place,
           v.status IN (401, 403, 429, 503) AND s.source <> 'well-known' AS walled,
           s.gone_at IS NOT NULL OR s.promised IS NULL OR (m.sha256 IS NOT NULL AND m.fitness IS NULL) AS unnoted,
           CASE WHEN s.nearness < m.kept_to THEN 0
                WHEN m.sha256 IS NOT NULL THEN m.fitness
                ELSE (h.error #>> '{detail,fitness}')::real END AS fitness,
           CASE WHEN s.nearness < m.kept_to OR m.status <> 200 THEN 0
                WHEN m.sha256 IS NOT NULL THEN m.fitness
                ELSE (h.error #>> '{detail,fitness}')::real END AS fitness_in_chromium
    FROM target_urls AS t
    JOIN site_icons AS s ON s.target_url_id = t.id
    LEFT JOIN page_visits AS v ON v.target_url_id = t.id
    LEFT JOIN favicon_metadata AS m ON m.icon_url_id = s.icon_url_id AND NOT m.injected
    LEFT JOIN hashing_errs AS h ON h.icon_url_id = s.icon_url_id AND NOT h.injected
    WHERE t.domain_id = ANY (:domain_ids::bigint[])
      AND NOT EXISTS (SELECT FROM injected_icon_urls AS i WHERE i.icon_url_id = s.icon_url_id)
),
tried AS (
    SELECT domain_id, icon_url_id, promised, chromium_place, fitness_in_chromium AS fitness,
           max(fitness_in_chromium) OVER (PARTITION BY domain_id ORDER BY chromium_place
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM offered
    WHERE chromium_place IS NOT NULL AND gone_at IS NULL
),
in_chromium AS (
    SELECT DISTINCT ON (domain_id) domain_id, icon_url_id
    FROM tried
    WHERE fitness > 0 AND promised > coalesce(before, 0)
    ORDER BY domain_id, fitness DESC, chromium_place
),
in_firefox AS (
    SELECT DISTINCT ON (domain_id) domain_id, icon_url_id
    FROM offered
    WHERE firefox_place IS NOT NULL AND gone_at IS NULL AND fitness > 0
    ORDER BY domain_id, firefox_place
),
shown AS (
    SELECT o.domain_id, m.sha256, o.icon_url_id,
           greatest(m.changed_at, o.found_at) AS since, m.crawled_at AS seen, o.gone_at AS gone_since
    FROM offered AS o
    JOIN favicon_metadata AS m ON m.icon_url_id = o.icon_url_id
    WHERE m.sha256 IS NOT NULL AND NOT m.injected
    UNION ALL
    SELECT o.domain_id, h.sha256, o.icon_url_id, h.seen_from, h.seen_until,
           least(h.seen_until, coalesce(o.gone_at, h.seen_until))
    FROM offered AS o
    JOIN favicon_history AS h ON h.icon_url_id = o.icon_url_id
),
latest AS (
    SELECT DISTINCT ON (domain_id, sha256)
           domain_id, sha256, icon_url_id, gone_since,
           min(since) OVER (PARTITION BY domain_id, sha256) AS since,
           max(seen) OVER (PARTITION BY domain_id, sha256) AS seen,
           CASE WHEN bool_or(walled) OVER same THEN 'wall'
                WHEN bool_or(unnoted) OVER same OR (bool_or(in_chromium) OVER same AND bool_or(in_firefox) OVER same)
                    THEN 'both'
                WHEN bool_or(in_chromium) OVER same THEN 'chromium'
                WHEN bool_or(in_firefox) OVER same THEN 'firefox'
                ELSE 'nobody' END AS displayed_by
    FROM (
        SELECT s.*, o.walled, s.gone_since IS NOT NULL OR o.unnoted AS unnoted,
               c.icon_url_id IS NOT NULL AS in_chromium, x.icon_url_id IS NOT NULL AS in_firefox
        FROM shown AS s
        JOIN offered AS o USING (domain_id, icon_url_id)
        LEFT JOIN in_chromium AS c USING (domain_id, icon_url_id)
        LEFT JOIN in_firefox AS x USING (domain_id, icon_url_id)
    ) AS s
    -- Who shows a picture now is told by where it is now.
    WINDOW same AS (PARTITION BY domain_id, sha256, gone_since IS NULL)
    ORDER BY domain_id, sha256, gone_since DESC NULLS FIRST, icon_url_id
)
SELECT a.domain_id, a.sha256, a.since, a.gone_since, a.displayed_by, f.md5, u.icon_url,
       a.seen >= a.since + (:confirmed_s)::float8 * interval '1 second' AS confirmed
FROM latest AS a
JOIN favicons AS f ON f.sha256 = a.sha256
JOIN icon_urls AS u ON u.id = a.icon_url_id
WHERE EXISTS (SELECT FROM looks AS l WHERE l.sha256 = a.sha256)
  AND (a.gone_since IS NULL OR a.gone_since > now() - (:former_s)::float8 * interval '1 second');

-- name: write_site_facts(domain_ids, sites, hosts, positions, trusted_positions, new_positions, new_sinces, host_counts, visited, redirect_hosts, discovery_errors, hashing_errors)!
-- Keep facts; a row that stays as it was keeps its number. hashing_errors are texts with commas.
INSERT INTO site_facts AS f
    (domain_id, seq, site, host, position, trusted_position, new_position, new_since, n_hosts, visited_at,
     redirect_host, discovery_error, hashing_errors)
SELECT g.domain_id, nextval('verdict_seq'), g.site, g.host, g.position, g.trusted_position, g.new_position,
       g.new_since, g.n_hosts, g.visited_at, g.redirect_host, g.discovery_error,
       CASE WHEN g.hashing_errors = '' THEN '{}' ELSE string_to_array(g.hashing_errors, ',') END
FROM unnest(:domain_ids::bigint[], :sites::text[], :hosts::text[], :positions::bigint[],
            :trusted_positions::bigint[], :new_positions::bigint[], :new_sinces::timestamptz[],
            :host_counts::bigint[], :visited::timestamptz[], :redirect_hosts::text[],
            :discovery_errors::text[], :hashing_errors::text[])
    AS g (domain_id, site, host, position, trusted_position, new_position, new_since, n_hosts, visited_at,
          redirect_host, discovery_error, hashing_errors)
ON CONFLICT (domain_id) DO UPDATE
SET seq = excluded.seq, site = excluded.site, host = excluded.host, position = excluded.position,
    trusted_position = excluded.trusted_position, new_position = excluded.new_position,
    new_since = excluded.new_since, n_hosts = excluded.n_hosts, visited_at = excluded.visited_at,
    redirect_host = excluded.redirect_host, discovery_error = excluded.discovery_error,
    hashing_errors = excluded.hashing_errors
WHERE (f.site, f.host, f.position, f.trusted_position, f.new_position, f.new_since, f.n_hosts,
       f.visited_at IS NULL, f.redirect_host, f.discovery_error, f.hashing_errors)
      IS DISTINCT FROM
      (excluded.site, excluded.host, excluded.position, excluded.trusted_position, excluded.new_position,
       excluded.new_since, excluded.n_hosts, excluded.visited_at IS NULL, excluded.redirect_host,
       excluded.discovery_error, excluded.hashing_errors);

-- name: write_site_looks(domain_ids, sha256s, icon_urls, md5s, confirmed, sinces, gone_sinces, displayed_by)!
-- A look that a site has shown all along keeps the time since when; one that was gone for good begins anew, and so does
-- one that was offered and not displayed. What is gone stays as it was displayed. By primary key; a row that says the
-- same already is not written again.
INSERT INTO site_looks AS s (domain_id, sha256, seq, icon_url, md5, confirmed, since, gone_since, displayed_by)
SELECT g.domain_id, g.sha256, nextval('verdict_seq'), g.icon_url, g.md5, g.confirmed, g.since,
       g.gone_since, g.displayed_by
FROM unnest(:domain_ids::bigint[], :sha256s::bytea[], :icon_urls::text[], :md5s::bytea[],
            :confirmed::boolean[], :sinces::timestamptz[], :gone_sinces::timestamptz[], :displayed_by::text[])
    AS g (domain_id, sha256, icon_url, md5, confirmed, since, gone_since, displayed_by)
ON CONFLICT (domain_id, sha256) DO UPDATE
SET seq = excluded.seq, icon_url = excluded.icon_url,
    displayed_by = CASE WHEN excluded.gone_since IS NULL THEN excluded.displayed_by ELSE s.displayed_by END,
    shown_since = CASE WHEN s.gone_since IS NOT DISTINCT FROM '-infinity' THEN NULL
                       WHEN s.displayed_by IN ('nobody', 'wall') AND excluded.gone_since IS NULL
                            AND excluded.displayed_by NOT IN ('nobody', 'wall') THEN now()
                       ELSE s.shown_since END,
    confirmed = excluded.confirmed OR s.confirmed AND s.gone_since IS DISTINCT FROM '-infinity',
    since = CASE WHEN s.gone_since IS NOT DISTINCT FROM '-infinity' THEN excluded.since
                 ELSE least(s.since, excluded.since) END,
    gone_since = excluded.gone_since
WHERE (s.icon_url, s.confirmed, s.gone_since) IS DISTINCT FROM
      (excluded.icon_url, excluded.confirmed OR s.confirmed, excluded.gone_since)
   OR (excluded.gone_since IS NULL AND s.displayed_by <> excluded.displayed_by);

-- name: retire_site_looks(domain_ids, kept_domain_ids, kept_sha256s)!
-- Looks that the domains show no longer and did not show lately either: they leave the readers' memory too. By
-- primary key, all looks of the domains.
UPDATE site_looks AS s
SET gone_since = '-infinity', seq = nextval('verdict_seq')
WHERE s.domain_id = ANY (:domain_ids::bigint[])
  AND s.gone_since IS DISTINCT FROM '-infinity'
  AND NOT EXISTS (SELECT FROM unnest(:kept_domain_ids::bigint[], :kept_sha256s::bytea[]) AS k (domain_id, sha256)
                  WHERE k.domain_id = s.domain_id AND k.sha256 = s.sha256);

-- name: publish_trusted_looks(domain_ids, wide_to, standard_to, strict_to)!
-- Bring the list that extensions download up to date for some domains' sites. By site_facts_by_site and keys; of
-- trusted_looks, which has no index by site, one pass.
WITH sites AS (
    SELECT DISTINCT site FROM site_facts WHERE domain_id = ANY (:domain_ids::bigint[])
),
wanted AS (
    SELECT l.id AS look_id, f.site, min(f.trusted_position) AS position, l.look
    FROM sites AS c
    JOIN site_facts AS f ON f.site = c.site
    JOIN site_looks AS s ON s.domain_id = f.domain_id AND s.gone_since IS DISTINCT FROM '-infinity'
        AND s.displayed_by <> 'wall'
    JOIN looks AS l ON l.sha256 = s.sha256
    WHERE f.trusted_position <= :strict_to AND l.look IS NOT NULL
    GROUP BY l.id, f.site, l.look
),
removed AS (
    UPDATE trusted_looks AS t
    SET removed = true, seq = nextval('verdict_seq')
    FROM sites AS c
    WHERE t.site = c.site AND NOT t.removed
      AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.look_id = t.look_id AND w.site = t.site)
)
INSERT INTO trusted_looks AS t (look_id, site, seq, position, tier, look)
SELECT w.look_id, w.site, nextval('verdict_seq'), w.position,
       CASE WHEN w.position <= :wide_to THEN 'wide' WHEN w.position <= :standard_to THEN 'standard' ELSE 'strict' END,
       w.look
FROM wanted AS w
ON CONFLICT (look_id, site) DO UPDATE
SET seq = excluded.seq, position = excluded.position, tier = excluded.tier, removed = false
WHERE (t.position, t.tier, t.removed) IS DISTINCT FROM (excluded.position, excluded.tier, false);

-- name: verify_sightings(domain_ids)!
-- Sightings that the crawl has now confirmed: the same picture at the same site. By keys, all looks of the domains.
UPDATE sightings AS g
SET verified_at = now()
FROM site_facts AS f
JOIN site_looks AS s ON s.domain_id = f.domain_id
WHERE f.domain_id = ANY (:domain_ids::bigint[]) AND g.site = f.site AND g.sha256 = s.sha256
  AND s.gone_since IS NULL AND g.verified_at IS NULL;

-- name: announce(payload)$
-- Tells all processes that facts have changed, at the commit. Touches no table.
SELECT pg_notify('samelook_verdicts', :payload);

-- name: prune()!
-- Forgets what is too old to count. Changes, sightings and explanations by their indexes of times; requests for a
-- crawl by reading them.
WITH old_changes AS (
    DELETE FROM verdict_changes WHERE at < now() - interval '1 hour'
), old_requests AS (
    DELETE FROM crawl_requests
    WHERE taken_at < now() - interval '1 hour' OR requested_at < now() - interval '7 days'
), old_sightings AS (
    DELETE FROM sightings WHERE last_seen < now() - interval '400 days'
)
DELETE FROM explained_verdicts WHERE at < now() - interval '90 days';

-- name: epoch()$
-- What is new when the facts were made from nothing again: readers start over. One row.
SELECT epoch FROM verdict_epochs;

-- name: facts_after(seq, page)
-- Facts numbered above `seq`, in order; served by site_facts_by_seq.
SELECT domain_id, seq, site, host, position, trusted_position, new_position, n_hosts,
       visited_at IS NOT NULL AS visited, redirect_host, discovery_error, hashing_errors
FROM site_facts WHERE seq > :seq ORDER BY seq LIMIT :page;

-- name: looks_after(seq, page)
-- Looks of sites numbered above `seq`, in order; served by site_looks_by_seq.
SELECT domain_id, sha256, seq, icon_url, md5, confirmed, displayed_by,
       extract(epoch FROM greatest(since, shown_since))::float8 AS since,
       extract(epoch FROM gone_since)::float8 AS gone_since
FROM site_looks WHERE seq > :seq ORDER BY seq LIMIT :page;

-- name: looks_of_pictures(sha256s)
-- The looks of these pictures, a row a picture, frame by frame. By the primary key of looks.
SELECT sha256, array_agg(id ORDER BY frame) AS ids, array_agg(look ORDER BY frame) AS looks
FROM looks WHERE sha256 = ANY (:sha256s::bytea[]) GROUP BY sha256;

-- name: changes_since(seconds)
-- Small changes of the last moments. They are read again and again for a while, because a transaction may
-- commit later than one with a higher number.
SELECT id, kind, key FROM verdict_changes
WHERE at > clock_timestamp() - (:seconds)::float8 * interval '1 second' ORDER BY id;

-- name: operator_entries(sites)
-- The operator's lists for these sites, by primary key; with NULL all of them, by reading the table.
SELECT site, list, extract(epoch FROM expires_at)::float8 AS expires_at
FROM operator_lists
WHERE (CAST(:sites AS text[]) IS NULL OR site = ANY (CAST(:sites AS text[])))
  AND (expires_at IS NULL OR expires_at > now());

-- name: allowlist_entries(client_ids)
-- The allowlists of these clients, by primary key; with NULL those of all clients, by reading the table.
SELECT client_id, site, extract(epoch FROM expires_at)::float8 AS expires_at
FROM allowlist
WHERE (CAST(:client_ids AS bigint[]) IS NULL OR client_id = ANY (CAST(:client_ids AS bigint[])))
  AND (expires_at IS NULL OR expires_at > now());

-- name: weights_of_reports(sites)
-- What reports on some sites weigh, and how often was asked about those in the last months. Served by reports_by_site
-- and the key of sightings: one site's flood costs the others nothing.
SELECT w.site, w.kind, w.weight,
       (SELECT coalesce(sum(s.times), 0) FROM sightings AS s WHERE s.site = w.site)::float8 AS asked
FROM report_weights AS w WHERE w.site = ANY (:sites::text[]);

-- name: all_weights_of_reports()
-- The same for all sites. Reads all reports of half a year.
SELECT w.site, w.kind, w.weight,
       (SELECT coalesce(sum(s.times), 0) FROM sightings AS s WHERE s.site = w.site)::float8 AS asked
FROM report_weights AS w WHERE w.weight >= 0.5;

-- name: stated_families()
-- All pairs of sites that somebody has proved to belong together. Reads the table.
SELECT site, other, proof FROM family_proofs;

-- name: recent_sightings(most)
-- The latest sightings, so many at most. From the end of the index sightings_by_time.
SELECT site, sha256, extract(epoch FROM first_seen)::float8 AS first_seen
FROM sightings ORDER BY last_seen DESC LIMIT :most;

-- name: rank_of(reversed_name)$
-- The rank of one domain; NULL when no list names it. By the unique index of names: one row.
SELECT coalesce(harmonic_position, list_position) FROM domains WHERE reversed_name = :reversed_name;

-- name: ranks_of(reversed_names)
-- The same for several; served by the names' unique index.
SELECT reversed_name, coalesce(harmonic_position, list_position) AS position
FROM domains WHERE reversed_name = ANY (:reversed_names::text[]);

-- name: trusted_after(seq, page)
-- Trusted looks numbered above `seq`, in order; served by trusted_looks_by_seq.
SELECT look_id, site, seq, position, tier, look, removed
FROM trusted_looks WHERE seq > :seq ORDER BY seq LIMIT :page;

-- name: explanation(id)$
-- A verdict as it was explained. By primary key: one row.
SELECT verdict FROM explained_verdicts WHERE id = :id;

-- name: picture(sha256)^
-- A picture's file and format; the file is NULL when it was too large to keep. By primary key: one row.
SELECT body, format FROM favicons WHERE sha256 = :sha256;

-- name: newest_trusted()$
-- The highest number of a trusted look. One step into trusted_looks_by_seq.
SELECT coalesce(max(seq), 0) FROM trusted_looks;

-- name: trusted_checksum()^
-- What a client computes over its own copy: the first 64 bits of SHA-256 of "id:site:tier:rank" of each, XORed.
-- Reads and hashes the whole list.
SELECT count(*) AS looks,
       coalesce(bit_xor(('x' || left(encode(sha256(convert_to(
           look_id || ':' || site || ':' || tier || ':' || position, 'UTF8')), 'hex'), 16))::bit(64)::bigint), 0) AS sum
FROM trusted_looks WHERE NOT removed;
