-- The tables of hashes, one for each signal that the crawl stores. The words in braces are filled in when the file is
-- loaded (samelook.sql.hash_queries), from the table of signals: {signal} is its name, {stored} its column's type.

-- name: add_{signal}(sha256s, hashes)!
-- This signal of new pictures; one that is there already stays as it is. Served by the primary key.
INSERT INTO hash_{signal} (sha256, hash)
SELECT * FROM unnest(:sha256s::bytea[], :hashes::{stored}[])
ON CONFLICT (sha256) DO NOTHING;

-- name: of_pictures_{signal}(sha256s)
-- This signal of these pictures. A look-up by primary key for each.
SELECT sha256, hash FROM hash_{signal} WHERE sha256 = ANY (:sha256s::bytea[]);

-- name: hashes_{signal}(after, page)
-- A page of one signal's hashes, by picture. Served by the primary key.
SELECT sha256, hash FROM hash_{signal} WHERE sha256 > :after ORDER BY sha256 LIMIT :page;

-- name: equal_{signal}(hashes, most)
-- Pictures with exactly these hashes. Served by the index by hash.
SELECT sha256, hash FROM hash_{signal} WHERE hash = ANY (:hashes::{stored}[]) LIMIT :most;

-- name: worn_{signal}(after, page)
-- A page of one signal's hashes with the targets that wear each picture now (injected ones left out). From the
-- primary key in order, with look-ups by favicon_metadata_by_picture and keys for each picture.
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
