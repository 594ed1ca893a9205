-- The extension API: requests for a crawl that are followed through all phases, changes that were not noted yet,
-- and a key of the service's own.

-- A request stays for a while after somebody took it, so that what is found for it goes before the rest as well.
ALTER TABLE crawl_requests ADD COLUMN taken_at timestamptz;
DROP INDEX crawl_requests_by_time;
CREATE INDEX crawl_requests_waiting ON crawl_requests (phase, requested_at) WHERE taken_at IS NULL;
CREATE INDEX crawl_requests_taken ON crawl_requests (taken_at) WHERE taken_at IS NOT NULL;

-- The start page of a requested domain is requested, and so are the icons of a requested page.
CREATE FUNCTION request_found_pages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_requests (phase, input_id)
    SELECT 'icons', c.id
    FROM changed AS c
    JOIN crawl_requests AS r ON r.phase = 'domains' AND r.input_id = c.domain_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER target_urls_requested AFTER INSERT ON target_urls
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION request_found_pages();

CREATE FUNCTION request_found_icons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_requests (phase, input_id)
    SELECT 'hashes', c.icon_url_id
    FROM changed AS c
    JOIN crawl_requests AS r ON r.phase = 'icons' AND r.input_id = c.target_url_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER site_icons_requested AFTER INSERT ON site_icons
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION request_found_icons();

-- The icons that a page offered before are fetched again when somebody asked for another look at it.
CREATE FUNCTION request_known_icons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crawl_requests (phase, input_id)
    SELECT DISTINCT 'hashes', s.icon_url_id
    FROM changed AS c
    JOIN crawl_requests AS r ON r.phase = 'icons' AND r.input_id = c.target_url_id
    JOIN site_icons AS s ON s.target_url_id = c.target_url_id AND s.gone_at IS NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER page_visits_requested AFTER UPDATE ON page_visits
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION request_known_icons();

-- Errors that turn into others, and results that are taken away (injected ones), are changes of a site too.
CREATE TRIGGER domain_errs_note_site_again AFTER UPDATE ON domain_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_domains();
CREATE TRIGGER hashing_errs_note_site_again AFTER UPDATE ON hashing_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_icons();
CREATE TRIGGER page_visits_note_site_gone AFTER DELETE ON page_visits
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();
CREATE TRIGGER favicon_metadata_note_site_gone AFTER DELETE ON favicon_metadata
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_icons();
-- Icons come and go by themselves when a page is visited again; an icon that was injected goes without a visit.
CREATE TRIGGER site_icons_note_site_gone AFTER DELETE ON site_icons
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();

-- Numbers of emptied tables mean nothing any more, in these tables either.
CREATE OR REPLACE FUNCTION note_new_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM verdict_epochs;
    INSERT INTO verdict_epochs DEFAULT VALUES;
    DELETE FROM trusted_looks;
    DELETE FROM shared_looks;
    DELETE FROM crawl_requests;
    RETURN NULL;
END $$;

-- Keys that all processes of a service share where the operator sets none.
CREATE TABLE service_keys (
    name  text PRIMARY KEY,
    value bytea NOT NULL CHECK (octet_length(value) = 32)
);
-- Two random UUIDs are 244 random bits, from the system's generator.
INSERT INTO service_keys (name, value)
VALUES ('reporters', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
