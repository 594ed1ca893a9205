-- What is shown of what a site offers: only that may accuse or defend it. A page offers icons for home screens and
-- manifests, behind the end of its head, or with sizes that others beat; and what a wall before the site shows (an
-- answer of 401, 403, 429 or 503) is the wall's.

-- How browsers go about the links of a page, told when the page is read.
ALTER TABLE site_icons
    ADD COLUMN promised real,                -- what the link's sizes promise; NULL: read before this was kept
    ADD COLUMN chromium_place smallint,      -- the order in which Chromium tries it; NULL: never
    ADD COLUMN firefox_place smallint,       -- the same for Firefox
    ADD COLUMN nearness smallint NOT NULL DEFAULT 0;  -- 2: of the page's origin, 1: of its site, 0: of another

-- What the picture is worth in a tab, told when it is fetched.
ALTER TABLE favicon_metadata
    ADD COLUMN fitness real,                 -- 0: not drawn; NULL: fetched before this was kept
    ADD COLUMN kept_to smallint NOT NULL DEFAULT 0;   -- its resource policy: the nearness that a page needs to show it

-- Icons of which a cookie of their page is part: the page to visit first. NULL for nearly all.
ALTER TABLE icon_urls ADD COLUMN cookie_page text;

ALTER TABLE site_looks
    ADD COLUMN displayed_by text NOT NULL DEFAULT 'both'
        CHECK (displayed_by IN ('both', 'chromium', 'firefox', 'nobody', 'wall')),
    -- Since when it is shown, where it was offered without being shown before. What is hidden does not grow old.
    ADD COLUMN shown_since timestamptz;

-- Of a picture that stays the same it is news too when what it is worth in a tab changes.
CREATE OR REPLACE FUNCTION note_changed_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id
    FROM changed AS c
    JOIN former AS f ON f.icon_url_id = c.icon_url_id
    JOIN site_icons AS s ON s.icon_url_id = c.icon_url_id
    JOIN target_urls AS t ON t.id = s.target_url_id
    WHERE (f.sha256, f.fitness, f.kept_to) IS DISTINCT FROM (c.sha256, c.fitness, c.kept_to)
       OR (c.crawled_at >= greatest(c.changed_at, s.found_at) + interval '28 days'
           AND NOT EXISTS (SELECT FROM site_looks AS l
                           WHERE l.domain_id = t.domain_id AND l.sha256 = c.sha256 AND l.confirmed));
    RETURN NULL;
END $$;

-- The same view, without what is a wall's.
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
  AND NOT EXISTS (SELECT FROM site_looks AS s WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL
                  AND s.displayed_by <> 'wall')
UNION ALL
SELECT f.site, 'hashing_failed', array_to_string(f.hashing_errors, ', '), f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE f.hashing_errors <> '{}'
  AND NOT EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
                  WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL
                  AND s.displayed_by <> 'wall')
UNION ALL
SELECT f.site, 'degenerate', NULL, f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
              WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL
                  AND s.displayed_by <> 'wall')
  AND NOT EXISTS (SELECT FROM site_looks AS s JOIN looks AS l ON l.sha256 = s.sha256
                  WHERE s.domain_id = f.domain_id AND s.gone_since IS NULL
                  AND s.displayed_by <> 'wall' AND l.look IS NOT NULL)
UNION ALL
SELECT w.site, 'reported', w.kind || ' ' || round(w.weight::numeric, 2), NULL, w.newest
FROM report_weights AS w
WHERE w.weight >= 3;
