-- What `samelook inspect inject` writes and takes away. Nothing else of the inspector writes.

-- name: add_fault(kind, site, share, times_left, lasts)^
-- Adds a fault for the crawl to meet. One row.
INSERT INTO injected_faults (kind, site, share, times_left, ends_at)
VALUES (:kind, :site, :share, :times_left, now() + (:lasts)::interval)
RETURNING *;

-- name: faults()
-- All faults, the oldest first. Reads the table, where an operator has put a handful.
SELECT id, kind, site, share, times_left, hits, created_at, ends_at FROM injected_faults ORDER BY created_at, id;

-- name: injected_rows()^
-- How many rows are marked. Each count reads an index that holds only such rows.
SELECT (SELECT count(*) FROM injected_faults WHERE ends_at > now()) AS faults_in_force,
       (SELECT count(*) FROM domain_errs WHERE injected)
       + (SELECT count(*) FROM icon_errs WHERE injected)
       + (SELECT count(*) FROM hashing_errs WHERE injected) AS errors,
       (SELECT count(*) FROM page_visits WHERE injected)
       + (SELECT count(*) FROM favicon_metadata WHERE injected) AS results;

-- name: pictures_of(target_id)
-- The pictures that a page shows now, injected ones left out. By the keys of site_icons and favicon_metadata, all
-- icons of the page.
SELECT DISTINCT m.sha256
FROM site_icons AS s
JOIN favicon_metadata AS m ON m.icon_url_id = s.icon_url_id
WHERE s.target_url_id = :target_id AND s.gone_at IS NULL AND m.sha256 IS NOT NULL AND NOT m.injected
ORDER BY m.sha256;

-- name: add_result(target_id, position, url_sha256s, urls, sha256s)!
-- Icon URLs that no page offers, each with a picture. The statements see the new rows by their RETURNING.
WITH given AS (
    SELECT *
    FROM unnest(:url_sha256s::bytea[], :urls::text[], :sha256s::bytea[])
        WITH ORDINALITY AS g (url_sha256, url, sha256, ordinal)
),
added AS (
    INSERT INTO icon_urls (url_sha256, icon_url, declared, position)
    SELECT url_sha256, url, false, :position FROM given
    RETURNING id, url_sha256
),
marked AS (
    INSERT INTO injected_icon_urls (icon_url_id) SELECT id FROM added
),
offered AS (
    INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)
    SELECT :target_id, a.id, 1000 + g.ordinal, 'injected', g.url
    FROM added AS a
    JOIN given AS g USING (url_sha256)
)
INSERT INTO favicon_metadata (icon_url_id, sha256, md5, size, format, final_url, status, injected)
SELECT a.id, f.sha256, f.md5, f.size, f.format, g.url, 200, true
FROM added AS a
JOIN given AS g USING (url_sha256)
JOIN favicons AS f ON f.sha256 = g.sha256;

-- name: add_visit(target_id, url, icons)!
-- A visit for a page that has none. By primary key: one row.
INSERT INTO page_visits (target_url_id, final_url, status, icon_count, injected)
VALUES (:target_id, :url, 200, :icons, true)
ON CONFLICT (target_url_id) DO NOTHING;

-- name: drop_faults()$
-- Takes all faults away; how many there were. Reads the table, which is small.
WITH gone AS (DELETE FROM injected_faults RETURNING 1) SELECT count(*) FROM gone;

-- name: drop_visits()
-- The positions of the pages that have no visit any more. By page_visits_injected, which holds such rows alone.
DELETE FROM page_visits AS v
USING target_urls AS t
WHERE v.injected AND t.id = v.target_url_id
RETURNING t.position;

-- name: drop_results()
-- The positions of real icon URLs that have no result any more. By favicon_metadata_injected, which holds such rows
-- alone.
DELETE FROM favicon_metadata AS m
USING icon_urls AS u
WHERE m.injected AND u.id = m.icon_url_id
  AND NOT EXISTS (SELECT FROM injected_icon_urls AS i WHERE i.icon_url_id = u.id)
RETURNING u.position;

-- name: drop_icon_urls()$
-- Icon URLs that no page offers, with all that hangs on them; leases too, which nothing references. Reads
-- injected_icon_urls, with a look-up by primary key for each.
WITH gone AS (
    DELETE FROM icon_urls AS u USING injected_icon_urls AS i WHERE u.id = i.icon_url_id RETURNING u.id
),
released AS (
    DELETE FROM leases AS l USING gone AS g WHERE l.phase = 'hashes' AND l.input_id = g.id
)
SELECT count(*) FROM gone;
