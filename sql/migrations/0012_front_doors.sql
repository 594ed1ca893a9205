-- Only a site's front door speaks for it, and a look is trusted once the crawl has seen it there twice, 28 days apart.

-- The keeper sees when the facts were made with other lists of suffixes and platforms, and makes them anew.
ALTER TABLE verdict_epochs ADD COLUMN names_version text;

-- Fetched again from the site so long after it was first seen there that it speaks for the site. What serves the
-- picture (own_host) decides nothing any more; the column goes once no process of an earlier version writes it.
ALTER TABLE site_looks ADD COLUMN confirmed boolean NOT NULL DEFAULT false;
ALTER TABLE site_looks ALTER COLUMN own_host SET DEFAULT true;

-- A re-crawl that finds the same picture is news once: when the picture has been there for 28 days.
CREATE OR REPLACE FUNCTION note_changed_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id
    FROM changed AS c
    JOIN former AS f ON f.icon_url_id = c.icon_url_id
    JOIN site_icons AS s ON s.icon_url_id = c.icon_url_id
    JOIN target_urls AS t ON t.id = s.target_url_id
    WHERE f.sha256 IS DISTINCT FROM c.sha256
       OR (c.crawled_at >= greatest(c.changed_at, s.found_at) + interval '28 days'
           AND NOT EXISTS (SELECT FROM site_looks AS l
                           WHERE l.domain_id = t.domain_id AND l.sha256 = c.sha256 AND l.confirmed));
    RETURN NULL;
END $$;

-- The same view, without looks that were held to be nobody's because two sites share them.
CREATE OR REPLACE VIEW grey_sites AS
SELECT f.site, 'discovery_failed' AS reason, f.discovery_error AS detail, f.trusted_position AS position,
       f.visited_at AS since
FROM site_facts AS f
WHERE f.discovery_error IS NOT NULL
UNION ALL
SELECT f.site, 'no_icon', NULL, f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE f.visited_at IS NOT NULL AND f.discovery_error IS NULL AND f.hashing_errors = '{}'
  AND f.redirect_host IS NULL
  AND NOT EXISTS (SELECT FROM site_looks AS s WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL)
UNION ALL
SELECT f.site, 'hashing_failed', array_to_string(f.hashing_errors, ', '), f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE f.hashing_errors <> '{}'
  AND NOT EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
                  WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL)
UNION ALL
SELECT f.site, 'degenerate', NULL, f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
              WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL)
  AND NOT EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
                  WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL AND l.look IS NOT NULL)
UNION ALL
SELECT w.site, 'reported', w.kind || ' ' || round(w.weight::numeric, 2), NULL, w.newest
FROM report_weights AS w
WHERE w.weight >= 3;
