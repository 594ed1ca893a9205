-- What sites in the tiers say of others.

-- name: claim_statements(trusted_to, most)
-- Sites in the tiers that were never asked, or not for 30 days, or failed a week ago; the best-ranked first.
-- Claimed by the visit that is noted at once, so that two readers never ask the same. Reads site_facts_trusted.
WITH due AS (
    SELECT f.site
    FROM site_facts AS f
    LEFT JOIN statement_visits AS v ON v.site = f.site
    WHERE f.trusted_position <= :trusted_to AND f.visited_at IS NOT NULL
      AND (v.site IS NULL OR v.visited_at < now() - interval '30 days'
           OR (v.error IS NOT NULL AND v.visited_at < now() - interval '7 days'))
    GROUP BY f.site
    ORDER BY min(f.trusted_position)
    LIMIT :most
)
INSERT INTO statement_visits AS v (site, error)
SELECT site, 'interrupted' FROM due
ON CONFLICT (site) DO UPDATE SET visited_at = now(), error = 'interrupted'
WHERE v.visited_at < now() - interval '1 day'
RETURNING site;

-- name: note_statement_visit(site, error)!
-- Notes when a site's statements were read, and what went wrong. By primary key: one row.
UPDATE statement_visits SET visited_at = now(), error = :error WHERE site = :site;

-- name: retract_statements(site, others, kinds)!
-- Take back what the site says no longer. By primary key, all rows of the site.
DELETE FROM site_statements AS s
WHERE s.site = :site
  AND NOT EXISTS (SELECT FROM unnest(:others::text[], :kinds::text[]) AS g (other, kind)
                  WHERE g.other = s.other AND g.kind = s.kind);

-- name: write_statements(site, others, kinds)!
-- Keeps what a site says of others. By primary key, a row a statement.
INSERT INTO site_statements (site, other, kind)
SELECT :site, g.other, g.kind FROM unnest(:others::text[], :kinds::text[]) AS g (other, kind)
ON CONFLICT (site, other, kind) DO UPDATE SET seen_at = now();
