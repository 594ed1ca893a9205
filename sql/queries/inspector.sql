-- What `samelook inspect` asks. Everything here reads, in a read-only transaction with a statement timeout; what
-- could be long is read in keyset pages (`after …`), never by OFFSET.

-- name: site(reversed_names)
-- The domains with these names, and how far the crawl got with each. Three look-ups by unique index a name.
SELECT d.id, d.reversed_name, d.position, d.harmonic_position, d.harmonic_value, d.pagerank_position,
       d.pagerank_value, d.n_hosts, d.list_position, d.source, d.first_seen_at, d.ranked_at,
       t.id AS target_id, t.url, t.crawled_at AS url_at,
       v.final_url, v.status, v.icon_count, v.charset, v.notes, v.crawled_at AS visited_at,
       coalesce(v.injected, false) AS visit_injected
FROM domains AS d
LEFT JOIN target_urls AS t ON t.domain_id = d.id
LEFT JOIN page_visits AS v ON v.target_url_id = t.id
WHERE d.reversed_name = ANY (:reversed_names::text[]);

-- name: site_icons(target_id, most)
-- The icons that a page offers, or once offered, in the order of discovery, with what their URLs gave and who shows it.
-- Served by the primary keys of site_icons, icon_urls, favicon_metadata, favicons and site_looks.
SELECT s.ordinal, s.source, s.declared_url, s.sizes, s.type, s.media, s.gone_at, s.found_at,
       u.id AS icon_url_id, u.icon_url, u.declared, m.sha256, m.status, m.final_url, m.crawled_at, m.changed_at,
       coalesce(m.injected, false) AS injected, f.md5, f.size, f.format, f.width, f.height, f.frames,
       e.kind AS error, coalesce(e.injected, false) AS error_injected, l.displayed_by
FROM site_icons AS s
JOIN target_urls AS t ON t.id = s.target_url_id
JOIN icon_urls AS u ON u.id = s.icon_url_id
LEFT JOIN favicon_metadata AS m ON m.icon_url_id = u.id
LEFT JOIN favicons AS f ON f.sha256 = m.sha256
LEFT JOIN hashing_errs AS e ON e.icon_url_id = u.id
LEFT JOIN site_looks AS l ON l.domain_id = t.domain_id AND l.sha256 = m.sha256 AND l.gone_since IS NULL
WHERE s.target_url_id = :target_id
ORDER BY s.gone_at NULLS FIRST, s.ordinal, u.id
LIMIT :most;

-- name: site_errors(domain_id)
-- Every error that stands against a site, of all three phases. By the unique indexes of the three tables of errors.
SELECT 'domains' AS phase, NULL AS url, e.id, e.kind, e.error, e.attempts, e.first_at, e.at, e.retry_at, e.injected
FROM domain_errs AS e
WHERE e.domain_id = :domain_id
UNION ALL
SELECT 'icons', t.url, e.id, e.kind, e.error, e.attempts, e.first_at, e.at, e.retry_at, e.injected
FROM target_urls AS t
JOIN icon_errs AS e ON e.target_url_id = t.id
WHERE t.domain_id = :domain_id
UNION ALL
SELECT 'hashes', u.icon_url, e.id, e.kind, e.error, e.attempts, e.first_at, e.at, e.retry_at, e.injected
FROM target_urls AS t
JOIN site_icons AS s ON s.target_url_id = t.id
JOIN icon_urls AS u ON u.id = s.icon_url_id
JOIN hashing_errs AS e ON e.icon_url_id = u.id
WHERE t.domain_id = :domain_id;

-- name: site_history(target_id, most)
-- Pictures that the site's icon URLs gave before. By the keys of site_icons and favicon_history, all icons of the
-- page.
SELECT u.icon_url, h.sha256, h.seen_from, h.seen_until
FROM site_icons AS s
JOIN favicon_history AS h ON h.icon_url_id = s.icon_url_id
JOIN icon_urls AS u ON u.id = h.icon_url_id
WHERE s.target_url_id = :target_id
ORDER BY h.seen_until DESC
LIMIT :most;

-- name: site_leases(domain_id)
-- Who works on the site just now. A look-up by the key of leases for each input of the site.
SELECT l.phase, l.attempts, l.leased_at, l.expires_at, w.host, w.pid
FROM (
    SELECT 'domains' AS phase, :domain_id::bigint AS input_id
    UNION ALL
    SELECT 'icons', t.id FROM target_urls AS t WHERE t.domain_id = :domain_id
    UNION ALL
    SELECT 'hashes', s.icon_url_id
    FROM target_urls AS t
    JOIN site_icons AS s ON s.target_url_id = t.id
    WHERE t.domain_id = :domain_id
) AS inputs
JOIN leases AS l ON l.phase = inputs.phase AND l.input_id = inputs.input_id
LEFT JOIN crawl_workers AS w ON w.id = l.worker_id;

-- name: md5s_of(sha256s)
-- The MD5 of those of these pictures that are known. A look-up by primary key for each.
SELECT sha256, md5 FROM favicons WHERE sha256 = ANY (:sha256s::bytea[]);

-- name: wearers(sha256s, most)
-- Who shows these pictures now: one row for each site and picture, at most `most` a picture, the best position
-- first among the icon URLs looked at (a hundred times `most`; a picture may be on a million sites). Served by
-- favicon_metadata_by_picture, site_icons_by_icon and primary keys.
SELECT p.sha256, w.reversed_name, w.position, w.icon_url, w.injected
FROM unnest(:sha256s::bytea[]) AS p (sha256)
CROSS JOIN LATERAL (
    SELECT one.*
    FROM (
        SELECT DISTINCT ON (d.position) d.reversed_name, d.position, u.icon_url, m.injected
        FROM (
            SELECT m.icon_url_id, m.injected
            FROM favicon_metadata AS m
            WHERE m.sha256 = p.sha256
            LIMIT (:most)::bigint * 100
        ) AS m
        JOIN icon_urls AS u ON u.id = m.icon_url_id
        JOIN site_icons AS s ON s.icon_url_id = u.id AND s.gone_at IS NULL
        JOIN target_urls AS t ON t.id = s.target_url_id
        JOIN domains AS d ON d.id = t.domain_id
        ORDER BY d.position, m.injected, s.ordinal, u.id
    ) AS one
    ORDER BY one.position
    LIMIT :most
) AS w
ORDER BY w.position;

-- name: pictures_by_md5(md5)
-- The pictures with this MD5; two can be made to share one. By the index favicons_by_md5.
SELECT sha256 FROM favicons WHERE md5 = :md5;

-- name: pictures_by_mmh3(hash, most)
-- Pictures with this hash of 32 bits, which strangers may share. By the index hash_favicon_mmh3_by_hash.
SELECT sha256 FROM hash_favicon_mmh3 WHERE hash = (:hash)::integer LIMIT :most;

-- name: picture(sha256)^
-- One picture; `body` is NULL when it was too large to keep. By primary key: one row.
SELECT sha256, md5, size, format, width, height, frames, body, first_seen_at FROM favicons WHERE sha256 = :sha256;

-- name: bodies(sha256s)
-- The files of these pictures, as far as they were kept. A look-up by primary key for each.
SELECT sha256, body FROM favicons WHERE sha256 = ANY (:sha256s::bytea[]) AND body IS NOT NULL;

-- name: sightings(site, most)
-- What clients saw the site wear. Served by the primary key.
SELECT sha256, first_seen, last_seen, times, verified_at
FROM sightings
WHERE site = :site
ORDER BY last_seen DESC
LIMIT :most;

-- name: site_reports(site, most)
-- What people said about a site, the newest first. Reporters are not shown. By reports_by_site, all reports on the
-- site.
SELECT id, site, kind, looks_like, at, dismissed_at
FROM reports
WHERE site = :site
ORDER BY at DESC, id
LIMIT :most;

-- name: reports_page(kind, before, before_id, page)
-- Reports of all sites, the newest first, after (`before`, `before_id`). No index is in this order: all reports
-- that fit are read and sorted.
SELECT id, site, kind, looks_like, at, dismissed_at
FROM reports
WHERE (:kind::text IS NULL OR kind = :kind)
  AND (:before::timestamptz IS NULL OR (at, id) < (:before, (:before_id)::uuid))
ORDER BY at DESC, id DESC
LIMIT :page;

-- name: site_grey(site)
-- Why the database calls a site grey. By site_facts_by_site and reports_by_site.
SELECT reason, detail, position, since FROM grey_sites WHERE site = :site ORDER BY reason;

-- name: grey_page(reason, after_site, after_reason, after_detail, page)
-- Grey sites by name, after (`after_site`, `after_reason`, `after_detail`). A view: it is computed whole.
SELECT site, reason, detail, position, since
FROM grey_sites
WHERE (:reason::text IS NULL OR reason = :reason)
  AND (:after_site::text IS NULL
       OR (site, reason, coalesce(detail, '')) > (:after_site, (:after_reason)::text, (:after_detail)::text))
ORDER BY site, reason, coalesce(detail, '')
LIMIT :page;

-- name: operator_list(site)
-- Whether an operator allows or blocks the site outright. By primary key: one row.
SELECT list, note, added_by, added_at, expires_at FROM operator_lists WHERE site = :site;

-- name: verdicts_of(site, most)
-- The last verdicts other than `trusted` that were given for the site. By explained_verdicts_by_site,
-- in its order.
SELECT at, verdict FROM explained_verdicts WHERE site = :site ORDER BY at DESC LIMIT :most;

-- name: verdict_state(most)^
-- How many looks there are, counted up to `most`, and whether changes wait to become facts. Reads so many rows of
-- looks, and one of site_changes.
SELECT (SELECT count(*) FROM (SELECT FROM looks LIMIT (:most)::bigint) AS counted) AS looks,
       EXISTS (SELECT FROM site_changes) AS waiting;

-- name: stored_looks(sha256s)
-- The looks of these pictures, frame by frame, or why there are none. Served by the keys of looks and look_errs.
SELECT sha256, look, NULL AS error FROM looks WHERE sha256 = ANY (:sha256s::bytea[])
UNION ALL
SELECT sha256, NULL, kind FROM look_errs WHERE sha256 = ANY (:sha256s::bytea[]);

-- name: looks_page(after, page)
-- A page of the looks that can be compared. Served by the index by id.
SELECT id, sha256, look FROM looks WHERE id > :after AND look IS NOT NULL ORDER BY id LIMIT :page;

-- name: relations(names)
-- Which of these tables and views the database has.
SELECT name FROM unnest(:names::text[]) AS name WHERE to_regclass(name) IS NOT NULL;

-- name: queue_times()
-- For each phase: the oldest result, the next retry, and leases. Each minimum is one step into an index.
SELECT 'domains' AS phase,
       NULL::timestamptz AS oldest_result,
       (SELECT min(retry_at) FROM domain_errs) AS next_retry,
       (SELECT min(leased_at) FROM leases WHERE phase = 'domains' AND expires_at > now()) AS oldest_lease,
       (SELECT count(*) FROM leases WHERE phase = 'domains' AND expires_at > now()) AS leased,
       (SELECT count(*) FROM leases WHERE phase = 'domains' AND expires_at <= now()) AS expired,
       (SELECT min(expires_at) FROM leases WHERE phase = 'domains' AND expires_at <= now()) AS expired_since
UNION ALL
SELECT 'icons',
       (SELECT min(crawled_at) FROM page_visits),
       (SELECT min(retry_at) FROM icon_errs),
       (SELECT min(leased_at) FROM leases WHERE phase = 'icons' AND expires_at > now()),
       (SELECT count(*) FROM leases WHERE phase = 'icons' AND expires_at > now()),
       (SELECT count(*) FROM leases WHERE phase = 'icons' AND expires_at <= now()),
       (SELECT min(expires_at) FROM leases WHERE phase = 'icons' AND expires_at <= now())
UNION ALL
SELECT 'hashes',
       (SELECT min(crawled_at) FROM favicon_metadata),
       (SELECT min(retry_at) FROM hashing_errs),
       (SELECT min(leased_at) FROM leases WHERE phase = 'hashes' AND expires_at > now()),
       (SELECT count(*) FROM leases WHERE phase = 'hashes' AND expires_at > now()),
       (SELECT count(*) FROM leases WHERE phase = 'hashes' AND expires_at <= now()),
       (SELECT min(expires_at) FROM leases WHERE phase = 'hashes' AND expires_at <= now());

-- name: workers(most)
-- Crawling processes: those that run, then those that ended, the latest sign of life first. Reads the table, which
-- holds a week's processes.
SELECT id, host, pid, phases, started_at, last_seen_at, stopped_at, progress,
       extract(epoch FROM now() - last_seen_at)::float8 AS silent_s
FROM crawl_workers
ORDER BY stopped_at IS NOT NULL, last_seen_at DESC
LIMIT :most;

-- name: newest_work()^
-- When the crawl last wrote a result. One step into each of two indexes by age.
SELECT greatest((SELECT max(crawled_at) FROM page_visits), (SELECT max(crawled_at) FROM favicon_metadata)) AS at,
       now() AS now;

-- name: imports(most)
-- Imports of rank lists, the newest first. Reads the primary key backwards.
SELECT id, file, source, started_at, finished_at, lines, domains, bad_lines
FROM rank_imports
ORDER BY id DESC
LIMIT :most;

-- name: server()^
-- The database server: connections against their limit, and the oldest transaction that keeps dead rows alive.
SELECT current_setting('max_connections')::integer AS max_connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       (SELECT extract(epoch FROM now() - min(xact_start))::float8
        FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS oldest_transaction_s,
       pg_database_size(current_database()) AS bytes;

-- name: applied_migrations()
-- The migrations that this database has. Reads the table, a row a migration.
SELECT version, name FROM schema_migrations ORDER BY version;

-- name: now()$
-- The database's clock, by which all ages are told. Touches no table.
SELECT now();

-- name: anything_ahead()$
-- Whether a phase has inputs that were not handed out yet. One step into each index by position.
SELECT EXISTS (SELECT FROM domains
               WHERE position > (SELECT last_value FROM cursor_domains_fresh) LIMIT 1)
    OR EXISTS (SELECT FROM target_urls
               WHERE position > (SELECT last_value FROM cursor_icons_fresh) LIMIT 1)
    OR EXISTS (SELECT FROM icon_urls
               WHERE position > (SELECT last_value FROM cursor_hashes_fresh) LIMIT 1);

-- name: sites_of(domain_ids)
-- The names of these domains. A look-up by primary key for each.
SELECT id, reversed_name, position FROM domains WHERE id = ANY (:domain_ids::bigint[]) ORDER BY position;
