-- What the phases of the crawl read and write, in batches: lists go in as parallel arrays.

-- name: load_domains(ids)
-- The inputs of the domains phase. A look-up by primary key for each.
SELECT d.id, d.reversed_name, d.position
FROM domains AS d
WHERE d.id = ANY (:ids::bigint[])
ORDER BY d.position;

-- name: load_targets(ids)
-- The inputs of the icons phase, with what a conditional request needs, unless the last visit did not note what
-- browsers show. Two look-ups by primary key for each, and a step into the page's icons.
SELECT t.id, t.url, t.position, v.final_url,
       CASE WHEN o.noted THEN v.etag END AS etag, CASE WHEN o.noted THEN v.last_modified END AS last_modified
FROM target_urls AS t
LEFT JOIN page_visits AS v ON v.target_url_id = t.id
CROSS JOIN LATERAL (
    SELECT NOT EXISTS (SELECT FROM site_icons AS s
                       WHERE s.target_url_id = t.id AND s.gone_at IS NULL AND s.promised IS NULL) AS noted
) AS o
WHERE t.id = ANY (:ids::bigint[])
ORDER BY t.position;

-- name: load_icons(ids)
-- The inputs of the hashes phase, with what a conditional request needs (only when there is a picture to keep). Two
-- look-ups by primary key for each.
SELECT u.id, u.icon_url, u.declared, u.position, u.cookie_page,
       CASE WHEN m.sha256 IS NOT NULL AND m.fitness IS NOT NULL THEN m.etag END AS etag,
       CASE WHEN m.sha256 IS NOT NULL AND m.fitness IS NOT NULL THEN m.last_modified END AS last_modified
FROM icon_urls AS u
LEFT JOIN favicon_metadata AS m ON m.icon_url_id = u.id
WHERE u.id = ANY (:ids::bigint[])
ORDER BY u.position;

-- name: write_target_urls(domain_ids, urls, positions)!
-- The URL to visit of each domain, new or instead of the one before. By the unique index of domain_id, a row a domain.
INSERT INTO target_urls (domain_id, url, position)
SELECT * FROM unnest(:domain_ids::bigint[], :urls::text[], :positions::bigint[])
ON CONFLICT (domain_id) DO UPDATE SET url = excluded.url, crawled_at = now();

-- name: write_page_visits(target_ids, final_urls, statuses, icon_counts, charsets, etags, last_modifieds, notes)!
-- What visits of pages gave, instead of the visits before. By primary key, a row a page.
INSERT INTO page_visits (target_url_id, final_url, status, icon_count, charset, etag, last_modified, notes)
SELECT v.id, v.final_url, v.status, v.icon_count, v.charset, v.etag, v.last_modified, v.notes::jsonb
FROM unnest(:target_ids::bigint[], :final_urls::text[], :statuses::integer[], :icon_counts::integer[],
            :charsets::text[], :etags::text[], :last_modifieds::text[], :notes::text[])
    AS v (id, final_url, status, icon_count, charset, etag, last_modified, notes)
ON CONFLICT (target_url_id) DO UPDATE
SET final_url = excluded.final_url, status = excluded.status, icon_count = excluded.icon_count,
    charset = excluded.charset, etag = excluded.etag, last_modified = excluded.last_modified,
    notes = excluded.notes, crawled_at = now(), injected = false;

-- name: touch_page_visits(target_ids)!
-- The page answered 304: what it offers is what it offered. By primary key, a row a page.
UPDATE page_visits SET crawled_at = now() WHERE target_url_id = ANY (:target_ids::bigint[]);

-- name: add_icon_urls(url_sha256s, icon_urls, declared, positions, cookie_pages)
-- Make the icon URLs known: the positions of those that are new. Sorted by the caller, so that two writers
-- with URLs in common never wait for each other in a circle. By the unique index of url_sha256, a row a new URL.
INSERT INTO icon_urls (url_sha256, icon_url, declared, position, cookie_page)
SELECT * FROM unnest(:url_sha256s::bytea[], :icon_urls::text[], :declared::boolean[], :positions::bigint[],
                     :cookie_pages::text[])
ON CONFLICT (url_sha256) DO NOTHING
RETURNING position;

-- name: promise_icon_urls(url_sha256s)!
-- URLs that were only guessed so far and that a page declares now: their absence is an error from now on. By the
-- unique index of url_sha256.
UPDATE icon_urls SET declared = true
WHERE url_sha256 = ANY (:url_sha256s::bytea[]) AND NOT declared;

-- name: note_cookie_pages(url_sha256s, cookie_pages)!
-- URLs for which a page sets cookies now: it is visited before they are fetched. By the unique index of url_sha256.
UPDATE icon_urls AS u SET cookie_page = c.cookie_page
FROM unnest(:url_sha256s::bytea[], :cookie_pages::text[]) AS c (url_sha256, cookie_page)
WHERE u.url_sha256 = c.url_sha256 AND u.cookie_page IS NULL;

-- name: write_site_icons(target_ids, url_sha256s, ordinals, sources, declared_urls, sizes, types, media, promised, chromium_places, firefox_places, nearness)!
-- Which icons pages offer, in the order of discovery. The URLs must be known (add_icon_urls). A look-up by the unique
-- index of URLs and one by primary key for each; a row that says the same already is not written again.
INSERT INTO site_icons AS s
    (target_url_id, icon_url_id, ordinal, source, declared_url, sizes, type, media,
     promised, chromium_place, firefox_place, nearness)
SELECT c.target_id, u.id, c.ordinal, c.source, c.declared_url, c.sizes, c.type, c.media,
       c.promised, c.chromium_place, c.firefox_place, c.nearness
FROM unnest(:target_ids::bigint[], :url_sha256s::bytea[], :ordinals::smallint[], :sources::text[],
            :declared_urls::text[], :sizes::text[], :types::text[], :media::text[], :promised::real[],
            :chromium_places::smallint[], :firefox_places::smallint[], :nearness::smallint[])
    AS c (target_id, url_sha256, ordinal, source, declared_url, sizes, type, media,
          promised, chromium_place, firefox_place, nearness)
JOIN icon_urls AS u ON u.url_sha256 = c.url_sha256
ON CONFLICT (target_url_id, icon_url_id) DO UPDATE
SET ordinal = excluded.ordinal, source = excluded.source, declared_url = excluded.declared_url,
    sizes = excluded.sizes, type = excluded.type, media = excluded.media, gone_at = NULL,
    promised = excluded.promised, chromium_place = excluded.chromium_place, firefox_place = excluded.firefox_place,
    nearness = excluded.nearness
WHERE (s.ordinal, s.source, s.declared_url, s.sizes, s.type, s.media, s.gone_at,
       s.promised, s.chromium_place, s.firefox_place, s.nearness)
      IS DISTINCT FROM
      (excluded.ordinal, excluded.source, excluded.declared_url, excluded.sizes, excluded.type, excluded.media, NULL,
       excluded.promised, excluded.chromium_place, excluded.firefox_place, excluded.nearness);

-- name: retire_site_icons(target_ids, kept_target_ids, kept_url_sha256s)!
-- What pages offered on an earlier visit and offer no longer. Only for pages that were visited before; served
-- by the primary key.
WITH kept AS MATERIALIZED (
    SELECT k.target_id, u.id AS icon_url_id
    FROM unnest(:kept_target_ids::bigint[], :kept_url_sha256s::bytea[]) AS k (target_id, url_sha256)
    JOIN icon_urls AS u ON u.url_sha256 = k.url_sha256
)
UPDATE site_icons AS s
SET gone_at = now()
WHERE s.target_url_id = ANY (:target_ids::bigint[])
  AND s.gone_at IS NULL
  AND (s.target_url_id, s.icon_url_id) NOT IN (SELECT target_id, icon_url_id FROM kept);

-- name: known_pictures(sha256s)
-- Which of these pictures are hashed already: their facts. A look-up by primary key for each.
SELECT sha256, md5, size, format, width, height, frames
FROM favicons
WHERE sha256 = ANY (:sha256s::bytea[]);

-- name: add_favicons(sha256s, md5s, byte_counts, formats, widths, heights, frames, bodies)!
-- Sorted by the caller, as for add_icon_urls. By primary key, a row a new picture.
INSERT INTO favicons (sha256, md5, size, format, width, height, frames, body)
SELECT * FROM unnest(:sha256s::bytea[], :md5s::bytea[], :byte_counts::integer[], :formats::text[],
                     :widths::integer[], :heights::integer[], :frames::integer[], :bodies::bytea[])
ON CONFLICT (sha256) DO NOTHING;

-- name: write_favicon_metadata(icon_ids, sha256s, md5s, byte_counts, formats, final_urls, statuses, etags, last_modifieds, fitness, kept_to)!
-- What the icon URLs give now; what they gave before moves to favicon_history. By primary key, a row an icon URL.
WITH given AS (
    SELECT *
    FROM unnest(:icon_ids::bigint[], :sha256s::bytea[], :md5s::bytea[], :byte_counts::integer[],
                :formats::text[], :final_urls::text[], :statuses::integer[], :etags::text[],
                :last_modifieds::text[], :fitness::real[], :kept_to::smallint[])
        AS g (icon_url_id, sha256, md5, size, format, final_url, status, etag, last_modified, fitness, kept_to)
),
kept AS (
    INSERT INTO favicon_history AS h (icon_url_id, sha256, seen_from, seen_until)
    SELECT m.icon_url_id, m.sha256, m.changed_at, now()
    FROM favicon_metadata AS m
    JOIN given AS g USING (icon_url_id)
    WHERE m.sha256 IS NOT NULL AND m.sha256 IS DISTINCT FROM g.sha256 AND NOT m.injected
    ON CONFLICT (icon_url_id, sha256) DO UPDATE SET seen_until = excluded.seen_until
)
INSERT INTO favicon_metadata AS m
    (icon_url_id, sha256, md5, size, format, final_url, status, etag, last_modified, fitness, kept_to)
SELECT * FROM given
ON CONFLICT (icon_url_id) DO UPDATE
SET sha256 = excluded.sha256, md5 = excluded.md5, size = excluded.size, format = excluded.format,
    final_url = excluded.final_url, status = excluded.status, etag = excluded.etag,
    last_modified = excluded.last_modified, fitness = excluded.fitness, kept_to = excluded.kept_to,
    crawled_at = now(), injected = false,
    changed_at = CASE WHEN m.sha256 IS DISTINCT FROM excluded.sha256 THEN now() ELSE m.changed_at END;

-- name: touch_favicon_metadata(icon_ids)!
-- The icons answered 304. By primary key, a row an icon URL.
UPDATE favicon_metadata SET crawled_at = now() WHERE icon_url_id = ANY (:icon_ids::bigint[]);

-- name: start_worker(worker_id, host, pid, phases)!
-- Notes that a crawl worker has started. One row.
INSERT INTO crawl_workers (id, host, pid, phases)
VALUES (:worker_id, :host, :pid, :phases::text[]);

-- name: heartbeat(worker_id, progress, load)!
-- Notes that a crawl worker lives, how far it got, and what it shows of itself. By primary key: one row.
UPDATE crawl_workers
SET last_seen_at = now(), progress = (:progress)::text::jsonb, load = (:load)::text::jsonb
WHERE id = :worker_id;

-- name: stop_worker(worker_id, progress)!
-- Notes that a crawl worker has ended in order. By primary key: one row.
UPDATE crawl_workers
SET last_seen_at = now(), stopped_at = now(), progress = (:progress)::text::jsonb
WHERE id = :worker_id;

-- name: forget_old_workers()!
-- Forgets crawl workers that have been silent for a week. Reads the table, which holds a week's processes.
DELETE FROM crawl_workers WHERE last_seen_at < now() - interval '7 days';

-- name: add_unranked_domains(reversed_names)
-- Make domains known that no rank list names: the positions of those that are new. By the unique index of names, a
-- row a new domain.
INSERT INTO domains (reversed_name, source)
SELECT name, 'request' FROM unnest(:reversed_names::text[]) AS name ORDER BY name
ON CONFLICT (reversed_name) DO NOTHING
RETURNING position;

-- name: first_pictures(reversed_names)
-- The files of the first icons that these domains offer; domains without one are missing. A look into an index for
-- each domain and each of its icons.
SELECT DISTINCT ON (d.reversed_name) d.reversed_name, f.body
FROM domains AS d
JOIN target_urls AS t ON t.domain_id = d.id
JOIN site_icons AS s ON s.target_url_id = t.id AND s.gone_at IS NULL
JOIN favicon_metadata AS m ON m.icon_url_id = s.icon_url_id
JOIN favicons AS f ON f.sha256 = m.sha256
WHERE d.reversed_name = ANY (:reversed_names::text[]) AND f.body IS NOT NULL
ORDER BY d.reversed_name, s.ordinal;

-- name: forget_everything()!
-- Empty the crawl's tables: for the demo, whose database holds nothing else.
TRUNCATE domains, rank_imports, target_urls, page_visits, icon_urls, site_icons, favicons, favicon_metadata,
         favicon_history, domain_errs, icon_errs, hashing_errs, leases, crawl_workers CASCADE;
