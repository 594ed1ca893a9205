-- What operators do, state and import, and what readers of verdicts take from that.

-- name: note_audit(who, action, subject, note, detail)$
-- Notes who did what; its number. One row, with the change itself in one transaction.
INSERT INTO audit (who, action, subject, note, detail)
VALUES (:who, :action, :subject, :note, (:detail::text)::jsonb)
RETURNING id;

-- name: audited(id)^
-- One act, and whether the same subject was acted on since; by the primary key and audit_by_subject.
SELECT a.id, a.action, a.subject, a.detail,
       EXISTS (SELECT FROM audit AS b WHERE b.subject = a.subject AND b.id > a.id) AS acted_since
FROM audit AS a
WHERE a.id = :id;

-- name: audit_page(subject, before_id, page)
-- What was done, the newest first; of one subject served by audit_by_subject, else by the primary key.
SELECT id, at, who, action, subject, note, detail
FROM audit
WHERE (:subject::text IS NULL OR subject = :subject) AND (:before_id::bigint IS NULL OR id < :before_id)
ORDER BY id DESC
LIMIT :page;

-- name: lists_page(after_site, page)
-- Sites on the operator's lists that have not ended, by name. Served by the primary key.
SELECT site, list, note, added_by, added_at, expires_at
FROM operator_lists
WHERE (expires_at IS NULL OR expires_at > now()) AND site > coalesce(:after_site::text, '')
ORDER BY site
LIMIT :page;

-- name: listed(site)^
-- Which of the operator's lists a site is on. By primary key.
SELECT list, note, added_by, expires_at FROM operator_lists WHERE site = :site;

-- name: relist(site, list, note, added_by, expires_at)!
-- Puts a site back on a list as it was. By primary key: one row.
INSERT INTO operator_lists (site, list, note, added_by, expires_at)
VALUES (:site, :list, :note, :added_by, :expires_at::timestamptz)
ON CONFLICT (site) DO UPDATE
SET list = excluded.list, note = excluded.note, added_by = excluded.added_by, added_at = now(),
    expires_at = excluded.expires_at;

-- name: unlist(site)!
-- Takes a site off the operator's lists. By primary key: one row.
DELETE FROM operator_lists WHERE site = :site;

-- name: dismiss_reports_on(site)^
-- Disagree with the reports on a site so far; how many there were, and the time that marks them. Served by
-- reports_by_site.
WITH dismissed AS (
    UPDATE reports SET dismissed_at = now() WHERE site = :site AND dismissed_at IS NULL RETURNING 1
)
SELECT count(*) AS number, now() AS at FROM dismissed;

-- name: restore_reports(site, at)!
-- Take back a dismissal of the reports on a site. Served by reports_by_site.
UPDATE reports SET dismissed_at = NULL WHERE site = :site AND dismissed_at = :at;

-- name: forget_group(id)!
-- Takes one family away; its members go by key. By primary key: one row.
DELETE FROM family_groups WHERE id = :id;

-- name: forget_picture(digest, product, source)!
-- Take one picture that somebody added out of the catalogue, and its product if nothing else is known of it.
-- By the keys of both tables.
WITH gone AS (
    DELETE FROM catalogue_pictures
    WHERE digest = :digest AND product = :product AND source = :source
)
DELETE FROM catalogue_vendors AS v
WHERE v.product = :product AND v.site = '' AND v.source = :source
  AND NOT EXISTS (SELECT FROM catalogue_pictures AS p WHERE p.product = v.product AND p.digest <> :digest);

-- name: forget_groups(provenance)$
-- Take back all groups of a provenance; how many there were. By family_groups_by_provenance; their members go by
-- key.
WITH gone AS (DELETE FROM family_groups WHERE provenance = :provenance RETURNING 1)
SELECT count(*) FROM gone;

-- name: leave_groups(site, provenance)$
-- Take a site out of the groups of a provenance; of how many. A group of one says nothing and may stay. By
-- family_members_by_site.
WITH gone AS (
    DELETE FROM family_members AS m
    USING family_groups AS g
    WHERE g.id = m.group_id AND m.site = :site AND g.provenance = :provenance
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: add_group(provenance, name, sites)$
-- A new family: all these sites are one organisation; its number. A row a site.
WITH added AS (
    INSERT INTO family_groups (provenance, name) VALUES (:provenance, :name) RETURNING id
),
members AS (
    INSERT INTO family_members (group_id, site)
    SELECT added.id, g.site FROM added, unnest(:sites::text[]) AS g (site)
)
SELECT id FROM added;

-- name: stated_groups()
-- Every group with its members. Reads both tables.
SELECT g.provenance, g.name, array_agg(m.site ORDER BY m.site) AS sites
FROM family_groups AS g
JOIN family_members AS m ON m.group_id = g.id
GROUP BY g.id
ORDER BY g.id;

-- name: all_statements()
-- All that sites say of others, for the memory of a process. Reads the table.
SELECT site, other, kind FROM site_statements;

-- name: ranked_among(reversed_names, most)
-- Which of the names have a rank down to `most`. Served by the names' unique index.
SELECT reversed_name
FROM domains
WHERE reversed_name = ANY (:reversed_names::text[])
  AND coalesce(harmonic_position, list_position) <= :most;

-- name: add_vendors(products, kinds, sites, source)!
-- Adds products and the sites of their vendors to the catalogue. By primary key, a row a pair.
INSERT INTO catalogue_vendors (product, kind, site, source)
SELECT g.product, g.kind, g.site, :source
FROM unnest(:products::text[], :kinds::text[], :sites::text[]) AS g (product, kind, site)
ON CONFLICT (product, site) DO UPDATE SET kind = excluded.kind, source = excluded.source, added_at = now();

-- name: add_default_pictures(digests, products, source)!
-- Adds default icons of products to the catalogue. By primary key, a row a picture.
INSERT INTO catalogue_pictures (digest, product, source)
SELECT g.digest, g.product, :source
FROM unnest(:digests::bytea[], :products::text[]) AS g (digest, product)
ON CONFLICT (digest, product) DO UPDATE SET source = excluded.source, added_at = now();

-- name: forget_vendors(source)!
-- Takes away the vendors that one source has added. Reads the table, which holds an operator's additions.
DELETE FROM catalogue_vendors WHERE source = :source;

-- name: forget_default_pictures(source)!
-- Takes away the default icons that one source has added. Reads the table, which holds an operator's additions.
DELETE FROM catalogue_pictures WHERE source = :source;

-- name: forget_product(product)$
-- Take a product that was added out of the catalogue; how many rows that were.
WITH vendors AS (DELETE FROM catalogue_vendors WHERE product = :product RETURNING 1),
     pictures AS (DELETE FROM catalogue_pictures WHERE product = :product RETURNING 1)
SELECT (SELECT count(*) FROM vendors) + (SELECT count(*) FROM pictures);

-- name: added_vendors()
-- The vendors that an operator has added to the catalogue of the package. Reads the table.
SELECT product, kind, site, source FROM catalogue_vendors ORDER BY product, site;

-- name: added_pictures()
-- The added default pictures that the crawl has fetched, with their looks and the ranked sites that wear them now.
-- Served by the indexes of favicons by MD5 and SHA-256 and of site_looks by picture.
SELECT p.product, p.source, f.sha256,
       (SELECT array_agg(l.look ORDER BY l.frame) FROM looks AS l WHERE l.sha256 = f.sha256 AND l.look IS NOT NULL) AS looks,
       array(SELECT DISTINCT s.site
             FROM site_looks AS w
             JOIN site_facts AS s ON s.domain_id = w.domain_id
             WHERE w.sha256 = f.sha256 AND w.gone_since IS NULL AND s.trusted_position IS NOT NULL) AS wearers
FROM catalogue_pictures AS p
JOIN favicons AS f ON f.sha256 = p.digest OR f.md5 = p.digest
ORDER BY p.product, f.sha256;

-- name: pictures_of_digests(digests)
-- What the crawl knows of pictures by MD5 or SHA-256: their looks, and the ranked sites that wear them now. By the
-- key of favicons and favicons_by_md5, then site_looks_by_picture.
SELECT g.digest, f.sha256,
       (SELECT array_agg(l.look ORDER BY l.frame) FROM looks AS l WHERE l.sha256 = f.sha256 AND l.look IS NOT NULL) AS looks,
       array(SELECT DISTINCT s.site
             FROM site_looks AS w
             JOIN site_facts AS s ON s.domain_id = w.domain_id
             WHERE w.sha256 = f.sha256 AND w.gone_since IS NULL AND s.trusted_position IS NOT NULL) AS wearers
FROM unnest(:digests::bytea[]) AS g (digest)
JOIN favicons AS f ON f.sha256 = g.digest OR f.md5 = g.digest;

-- name: protected_looks(after_look, after_site, page)
-- The looks of sites in the tiers, page by page. Served by the primary key.
SELECT look_id, site, look FROM trusted_looks
WHERE (look_id, site) > (:after_look, :after_site) AND NOT removed
ORDER BY look_id, site LIMIT :page;

-- name: given_verdicts(verdicts, since, owner, because, decided, before, before_id, page)
-- Verdicts that were given, the newest of each site, the newest first, with what the operator says of the site, its
-- rank, and how many reports wait. `owner` and `because` (the code of the first reason) choose among them if given;
-- `decided` chooses those on the operator's lists, or those that are not. Served by explained_verdicts_by_verdict,
-- once a verdict; the rest by explained_verdicts_by_site, site_facts_by_site, reports_by_site and primary keys.
SELECT v.id, v.site, v.at, v.verdict, c.times, l.list, f.position,
       (SELECT count(*) FROM reports AS r WHERE r.site = v.site AND r.dismissed_at IS NULL) AS reports
FROM explained_verdicts AS v
CROSS JOIN LATERAL (
    SELECT count(*) AS times, max(o.at) AS last
    FROM explained_verdicts AS o
    WHERE o.site = v.site AND o.at >= :since AND o.verdict ->> 'verdict' = ANY (:verdicts::text[])
) AS c
LEFT JOIN operator_lists AS l ON l.site = v.site AND (l.expires_at IS NULL OR l.expires_at > now())
LEFT JOIN LATERAL (
    SELECT min(s.position) AS position FROM site_facts AS s WHERE s.site = v.site
) AS f ON true
WHERE v.verdict ->> 'verdict' = ANY (:verdicts::text[]) AND v.at >= :since
  AND v.at = c.last
  AND (:owner::text IS NULL OR v.verdict -> 'looks_like' -> 0 ->> 'site' = :owner)
  AND (:because::text IS NULL OR v.verdict -> 'reasons' -> 0 ->> 'code' = :because)
  AND (:decided::boolean IS NULL OR (l.site IS NOT NULL) = :decided)
  AND (:before::timestamptz IS NULL OR (v.at, v.id) < (:before, (:before_id)::uuid))
ORDER BY v.at DESC, v.id DESC
LIMIT :page;

-- name: caught_counts(since)
-- How many sites were given each verdict other than `trusted` since then. Served by explained_verdicts_by_time.
SELECT verdict ->> 'verdict' AS verdict, count(DISTINCT site) AS sites
FROM explained_verdicts
WHERE at >= :since
GROUP BY 1;

-- name: waiting_reports()$
-- Sites with reports that no operator has looked at. Reads the reports.
SELECT count(DISTINCT site) FROM reports WHERE dismissed_at IS NULL;

-- name: common_pictures(known_days, min_sites, page)
-- Pictures that many sites have worn openly for long, the most worn first, with their looks. Reads site_looks once.
SELECT w.sha256, count(DISTINCT f.site) AS sites, min(w.since) AS since,
       array(SELECT b.site FROM site_looks AS o JOIN site_facts AS b ON b.domain_id = o.domain_id
             WHERE o.sha256 = w.sha256 AND o.gone_since IS NULL
             ORDER BY b.trusted_position NULLS LAST, b.site LIMIT 200) AS wearers,
       array(SELECT b.trusted_position FROM site_looks AS o JOIN site_facts AS b ON b.domain_id = o.domain_id
             WHERE o.sha256 = w.sha256 AND o.gone_since IS NULL
             ORDER BY b.trusted_position NULLS LAST, b.site LIMIT 200) AS positions,
       (SELECT array_agg(l.look ORDER BY l.frame) FROM looks AS l WHERE l.sha256 = w.sha256 AND l.look IS NOT NULL) AS looks
FROM site_looks AS w
JOIN site_facts AS f ON f.domain_id = w.domain_id
WHERE w.gone_since IS NULL AND w.since <= now() - (:known_days)::float8 * interval '1 day'
GROUP BY w.sha256
HAVING count(DISTINCT f.site) >= :min_sites
ORDER BY count(DISTINCT f.site) DESC, w.sha256
LIMIT :page;
