-- Verdicts: looks of pictures, which site shows which look, what people say about sites, and who asks.
--
-- One process at a time (the one that holds the lock of samelook.facts.keeper) turns what the crawl found into
-- site_facts and site_looks and numbers every change with `seq`. As it is the only one who numbers, a
-- reader that has seen number n has seen all before it.

-- What a picture looks like, frame by frame (samelook.looks.look). A frame without contrast has no look to compare.
CREATE TABLE looks (
    id     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    sha256 bytea NOT NULL REFERENCES favicons (sha256) ON DELETE CASCADE,
    frame  smallint NOT NULL,
    look   bytea,                            -- NULL: degenerate
    PRIMARY KEY (sha256, frame)
);
CREATE TABLE look_errs (
    id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256 bytea NOT NULL UNIQUE REFERENCES favicons (sha256) ON DELETE CASCADE,
    error  jsonb NOT NULL CHECK (error ? 'kind' AND error ? 'message' AND error ? 'detail'),
    kind   text NOT NULL GENERATED ALWAYS AS (error ->> 'kind') STORED,
    at     timestamptz NOT NULL DEFAULT now()
);
-- Pictures whose look nobody has computed yet; a worker holds its rows by locking them.
CREATE TABLE pending_looks (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL REFERENCES favicons (sha256) ON DELETE CASCADE
);
INSERT INTO pending_looks (sha256) SELECT sha256 FROM favicons ORDER BY first_seen_at;

-- Domains of which the crawl or a rank list has learnt something; the keeper takes them from here.
CREATE TABLE site_changes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain_id bigint NOT NULL
);

CREATE SEQUENCE verdict_seq;

-- What is known of each domain that was visited, or is ranked well enough to be protected.
CREATE TABLE site_facts (
    domain_id        bigint PRIMARY KEY REFERENCES domains (id) ON DELETE CASCADE,
    seq              bigint NOT NULL,
    site             text NOT NULL,            -- registrable domain, private suffixes included
    host             text NOT NULL,
    position         bigint,                   -- in the rank lists now; NULL: in none
    trusted_position bigint,                   -- the position that counts: one that has held for the time of probation
    new_position     bigint,                   -- a position on probation; 0: the rank is gone
    new_since        timestamptz,
    n_hosts          bigint,
    visited_at       timestamptz,              -- NULL also while icons of it wait to be fetched or looked at
    redirect_host    text,                     -- where the start page led, when that is another host
    discovery_error  text,
    hashing_errors   text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX site_facts_by_seq ON site_facts (seq);
CREATE INDEX site_facts_by_site ON site_facts (site);
CREATE INDEX site_facts_on_probation ON site_facts (new_since) WHERE new_since IS NOT NULL;
CREATE INDEX site_facts_trusted ON site_facts (trusted_position) WHERE trusted_position IS NOT NULL;

-- Which domain shows which picture, since when; and until when, if it does no longer.
CREATE TABLE site_looks (
    domain_id  bigint NOT NULL REFERENCES site_facts (domain_id) ON DELETE CASCADE,
    sha256     bytea NOT NULL,
    seq        bigint NOT NULL,
    icon_url   text NOT NULL,
    md5        bytea NOT NULL,
    own_host   boolean NOT NULL,             -- served by the site itself, not linked from elsewhere
    since      timestamptz NOT NULL,
    gone_since timestamptz,
    PRIMARY KEY (domain_id, sha256)
);
CREATE INDEX site_looks_by_seq ON site_looks (seq);
CREATE INDEX site_looks_by_picture ON site_looks (sha256);

-- The list that extensions download: looks of trusted sites. A row that leaves the list stays, marked, so that the
-- increments tell of it.
CREATE TABLE trusted_looks (
    look_id  bigint NOT NULL,
    site     text NOT NULL,
    seq      bigint NOT NULL,
    position bigint NOT NULL,
    tier     text NOT NULL CHECK (tier IN ('wide', 'standard', 'strict')),
    look     bytea NOT NULL,
    removed  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (look_id, site)
);
CREATE INDEX trusted_looks_by_seq ON trusted_looks (seq);

-- A number that goes up when the tables above were emptied: readers then start over.
CREATE TABLE verdict_epochs (
    single_row boolean PRIMARY KEY DEFAULT true CHECK (single_row),
    epoch      uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The newest rank import when ranks were first taken over: ranks of later ones are on probation.
    baseline_import bigint
);
INSERT INTO verdict_epochs DEFAULT VALUES;

-- Families that a person vouches for. Proofs that the crawl finds are not stored: they follow from site_facts.
CREATE TABLE family_proofs (
    site       text NOT NULL,
    other      text NOT NULL,
    proof      text NOT NULL CHECK (proof IN ('operator', 'not_related')),
    provenance text NOT NULL,                -- who says so, or which file
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, other),
    CHECK (site <> other)
);

-- Those who ask and report: anonymous tokens, known by their SHA-256 only.
CREATE TABLE clients (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    blocked_at   timestamptz
);
CREATE TABLE api_keys (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    key_sha256  bytea NOT NULL UNIQUE CHECK (octet_length(key_sha256) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);

-- A site's looks as clients saw them. Unverified ones trust nothing and protect nobody.
CREATE TABLE sightings (
    site        text NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    first_seen  timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now(),
    times       bigint NOT NULL DEFAULT 1,
    verified_at timestamptz,                 -- when the crawl had fetched the same picture from the site itself
    PRIMARY KEY (site, sha256)
);
CREATE INDEX sightings_by_time ON sightings (last_seen);

-- unlock: let me type here all the same; flag: this site wears another's face; false_lock: this lock is wrong.
CREATE TABLE reports (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    site            text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('unlock', 'flag', 'false_lock')),
    client_id       bigint REFERENCES clients (id) ON DELETE SET NULL,
    network         bytea NOT NULL,          -- keyed hash of the reporter's /24 or /48
    idempotency_key text,
    looks_like      text,
    at              timestamptz NOT NULL DEFAULT now(),
    dismissed_at    timestamptz              -- an operator looked at it and disagreed
);
CREATE UNIQUE INDEX reports_once ON reports (client_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX reports_by_site ON reports (site, kind, at);
CREATE INDEX reports_by_client ON reports (client_id, at);
CREATE INDEX reports_by_network ON reports (network, at);

CREATE TABLE allowlist (
    client_id  bigint NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    site       text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (client_id, site)
);
CREATE TABLE operator_lists (
    site       text PRIMARY KEY,             -- on one of the two lists, never on both
    list       text NOT NULL CHECK (list IN ('allow', 'block')),
    note       text NOT NULL DEFAULT '',
    added_by   text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
);

-- What readers must read again: small things that many write. Kept for an hour.
CREATE TABLE verdict_changes (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL CHECK (kind IN ('allowlist', 'operator', 'reports', 'family')),
    key     text NOT NULL,                   -- a client's id, or a site
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX verdict_changes_by_time ON verdict_changes (at);

-- Inputs of the crawl that somebody waits for: they go before all others.
CREATE TABLE crawl_requests (
    phase        text NOT NULL CHECK (phase IN ('domains', 'icons', 'hashes')),
    input_id     bigint NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (phase, input_id)
);
CREATE INDEX crawl_requests_by_time ON crawl_requests (phase, requested_at);

-- Verdicts other than `trusted`, so that they can be explained later.
CREATE TABLE explained_verdicts (
    id      uuid PRIMARY KEY,
    site    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    verdict jsonb NOT NULL
);
CREATE INDEX explained_verdicts_by_time ON explained_verdicts (at);

-- Sites seen to share a look with an unrelated trusted one, by near-duplicate search.
CREATE TABLE shared_looks (
    site     text NOT NULL,
    other    text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, other)
);

-- Triggers: once a statement, over what it changed. They feed the two queues above.
CREATE FUNCTION note_new_favicons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pending_looks (sha256) SELECT sha256 FROM changed WHERE body IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER favicons_wait_for_looks AFTER INSERT ON favicons
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_new_favicons();

CREATE FUNCTION note_changed_targets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id FROM changed AS c JOIN target_urls AS t ON t.id = c.target_url_id;
    RETURN NULL;
END $$;
CREATE TRIGGER page_visits_note_site AFTER INSERT ON page_visits
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();
CREATE TRIGGER page_visits_note_site_again AFTER UPDATE ON page_visits
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();
CREATE TRIGGER icon_errs_note_site AFTER INSERT ON icon_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();
CREATE TRIGGER icon_errs_note_site_again AFTER UPDATE ON icon_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();
CREATE TRIGGER icon_errs_note_site_mended AFTER DELETE ON icon_errs
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_targets();

CREATE FUNCTION note_changed_domains() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id) SELECT DISTINCT domain_id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER domain_errs_note_site AFTER INSERT ON domain_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_domains();
CREATE TRIGGER domain_errs_note_site_mended AFTER DELETE ON domain_errs
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_domains();

CREATE FUNCTION note_changed_icons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id
    FROM changed AS c
    JOIN site_icons AS s ON s.icon_url_id = c.icon_url_id
    JOIN target_urls AS t ON t.id = s.target_url_id;
    RETURN NULL;
END $$;
CREATE TRIGGER favicon_metadata_note_site AFTER INSERT ON favicon_metadata
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_icons();
CREATE TRIGGER hashing_errs_note_site AFTER INSERT ON hashing_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_icons();
CREATE TRIGGER hashing_errs_note_site_mended AFTER DELETE ON hashing_errs
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_icons();
-- A re-crawl that finds the same picture changes nothing here.
CREATE FUNCTION note_changed_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id
    FROM changed AS c
    JOIN former AS f ON f.icon_url_id = c.icon_url_id AND f.sha256 IS DISTINCT FROM c.sha256
    JOIN site_icons AS s ON s.icon_url_id = c.icon_url_id
    JOIN target_urls AS t ON t.id = s.target_url_id;
    RETURN NULL;
END $$;
CREATE TRIGGER favicon_metadata_note_site_again AFTER UPDATE ON favicon_metadata
    REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_pictures();
CREATE FUNCTION note_changed_looks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO site_changes (domain_id)
    SELECT DISTINCT t.domain_id
    FROM changed AS c
    JOIN favicon_metadata AS m ON m.sha256 = c.sha256
    JOIN site_icons AS s ON s.icon_url_id = m.icon_url_id
    JOIN target_urls AS t ON t.id = s.target_url_id;
    RETURN NULL;
END $$;
CREATE TRIGGER looks_note_site AFTER INSERT ON looks
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_looks();
CREATE TRIGGER look_errs_note_site AFTER INSERT ON look_errs
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_looks();

CREATE FUNCTION note_new_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM verdict_epochs;
    INSERT INTO verdict_epochs DEFAULT VALUES;
    RETURN NULL;
END $$;
CREATE TRIGGER site_facts_emptied AFTER TRUNCATE ON site_facts
    FOR EACH STATEMENT EXECUTE FUNCTION note_new_epoch();
CREATE TRIGGER looks_emptied AFTER TRUNCATE ON looks
    FOR EACH STATEMENT EXECUTE FUNCTION note_new_epoch();

-- TG_ARGV: the kind of the change, and the column that is its key.
CREATE FUNCTION note_verdict_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO verdict_changes (kind, key)
    VALUES (TG_ARGV[0], to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END) ->> TG_ARGV[1]);
    PERFORM pg_notify('samelook_verdicts', TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER allowlist_noted AFTER INSERT OR UPDATE OR DELETE ON allowlist
    FOR EACH ROW EXECUTE FUNCTION note_verdict_change('allowlist', 'client_id');
CREATE TRIGGER operator_lists_noted AFTER INSERT OR UPDATE OR DELETE ON operator_lists
    FOR EACH ROW EXECUTE FUNCTION note_verdict_change('operator', 'site');
CREATE TRIGGER reports_noted AFTER INSERT OR UPDATE OR DELETE ON reports
    FOR EACH ROW EXECUTE FUNCTION note_verdict_change('reports', 'site');
CREATE TRIGGER family_proofs_noted AFTER INSERT OR UPDATE OR DELETE ON family_proofs
    FOR EACH ROW EXECUTE FUNCTION note_verdict_change('family', 'site');

-- What reports weigh. One network counts once however many clients it has; a client counts nothing on its first
-- day, a quarter in its first week, and less when it reports much; a report loses half its weight in 30 days.
CREATE VIEW report_weights AS
WITH weighed AS (
    SELECT r.site, r.kind, r.network, r.at,
           CASE WHEN r.client_id IS NULL OR c.blocked_at IS NOT NULL THEN 0.0
                WHEN r.at - c.created_at < interval '1 day' THEN 0.0
                WHEN r.at - c.created_at < interval '7 days' THEN 0.25
                ELSE 1.0 END
           / greatest(1.0, (SELECT count(*) FROM reports AS o
                            WHERE o.client_id = r.client_id AND o.at BETWEEN r.at - interval '1 day' AND r.at) / 5.0)
           * 0.5 ^ (extract(epoch FROM now() - r.at) / 2592000.0) AS weight
    FROM reports AS r
    LEFT JOIN clients AS c ON c.id = r.client_id
    WHERE r.dismissed_at IS NULL AND r.at > now() - interval '180 days'
),
networks AS (
    SELECT site, kind, network, least(1.0, max(weight)) AS weight, max(at) AS at
    FROM weighed
    GROUP BY site, kind, network
)
SELECT site, kind, sum(weight)::float8 AS weight, count(*) AS networks, max(at) AS newest
FROM networks
GROUP BY site, kind;

-- Which sites are grey and why: the five areas, and reports. Verdicts also weigh families and near-duplicates of
-- looks; this view says what the database alone can say, and what the service has noted in shared_looks.
CREATE VIEW grey_sites AS
SELECT f.site, 'discovery_failed' AS reason, f.discovery_error AS detail, f.trusted_position AS position,
       f.visited_at AS since
FROM site_facts AS f
WHERE f.discovery_error IS NOT NULL
UNION ALL
SELECT f.site, 'no_icon', NULL, f.trusted_position, f.visited_at
FROM site_facts AS f
WHERE f.visited_at IS NOT NULL AND f.discovery_error IS NULL AND f.hashing_errors = '{}'
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
SELECT f.site, 'shared_look', string_agg(DISTINCT h.other, ', '), f.trusted_position, max(h.found_at)
FROM site_facts AS f
JOIN shared_looks AS h ON h.site = f.site
GROUP BY f.site, f.trusted_position
UNION ALL
SELECT w.site, 'reported', w.kind || ' ' || round(w.weight::numeric, 2), NULL, w.newest
FROM report_weights AS w
WHERE w.weight >= 3;
