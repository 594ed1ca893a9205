-- The compact list of trusted looks.

-- name: looks_without_codes(batch)
-- Trusted looks whose codes nobody has computed yet; trusted_looks is read along its key until the batch is full.
SELECT DISTINCT ON (t.look_id) t.look_id, t.look
FROM trusted_looks AS t
WHERE NOT t.removed AND NOT EXISTS (SELECT FROM look_codes AS c WHERE c.look_id = t.look_id)
  AND EXISTS (SELECT FROM looks AS l WHERE l.id = t.look_id)
ORDER BY t.look_id
LIMIT :batch;

-- name: write_codes(look_ids, codes, common)!
-- Keeps the codes of looks, and whether strangers show them for good reasons; of looks that are gone meanwhile
-- nothing. A look-up by key in looks for each.
INSERT INTO look_codes (look_id, codes, common)
SELECT n.look_id, n.codes, n.common
FROM unnest(:look_ids::bigint[], :codes::bytea[], :common::boolean[]) AS n (look_id, codes, common)
JOIN looks AS l ON l.id = n.look_id
ON CONFLICT DO NOTHING;

-- name: sites_changed(seq)
-- Sites of which a trusted look came, went or moved after `seq`; served by trusted_looks_by_seq.
SELECT DISTINCT site FROM trusted_looks WHERE seq > :seq;

-- name: codes_of_all()
-- Tier and codes of every trusted site, and whether all its looks are common, a row a site: one pass over
-- both tables.
SELECT t.site, min(t.position) AS position, array_agg(c.codes) AS codes, bool_and(c.common) AS common
FROM trusted_looks AS t JOIN look_codes AS c USING (look_id)
WHERE NOT t.removed GROUP BY t.site;

-- name: codes_of_sites(sites)
-- The same for some sites. trusted_looks has no index by site: one pass over it, without its looks' bytes.
SELECT t.site, min(t.position) AS position, array_agg(c.codes) AS codes, bool_and(c.common) AS common
FROM trusted_looks AS t JOIN look_codes AS c USING (look_id)
WHERE NOT t.removed AND t.site = ANY (:sites::text[]) GROUP BY t.site;
