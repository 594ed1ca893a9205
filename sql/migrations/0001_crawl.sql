-- The crawl: ranked domains, what each phase found, what went wrong, and who works on what.
--
-- Each of the three phases has an input table, a result table and an error table; an input is
-- due when a LEFT JOIN finds neither result, error nor lease for it. Inputs are never updated by
-- the crawl, so a scan of them in order of position meets no dead rows even while somebody
-- holds an old snapshot open.
--
--   phase     input          result             error
--   domains   domains        target_urls        domain_errs
--   icons     target_urls    page_visits        icon_errs
--   hashes    icon_urls      favicon_metadata   hashing_errs

CREATE TABLE rank_imports (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file        text NOT NULL,
    source      text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,                -- NULL while it runs, and for ever if it died
    lines       bigint NOT NULL DEFAULT 0,
    domains     bigint NOT NULL DEFAULT 0,
    bad_lines   bigint NOT NULL DEFAULT 0
);

CREATE TABLE domains (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reversed_name     text COLLATE "C" NOT NULL UNIQUE,  -- com.example.www: a domain's hosts sort together
    harmonic_position bigint CHECK (harmonic_position > 0),
    harmonic_value    double precision,
    pagerank_position bigint,
    pagerank_value    double precision,
    n_hosts           bigint,
    list_position     bigint CHECK (list_position > 0),  -- in a list without harmonic centrality (Tranco, a plain list)
    source            text NOT NULL,                     -- the list that gave the position, or 'request'
    import_id         bigint,                            -- rank_imports.id; no foreign key: a fifth of an import's time
    first_seen_at     timestamptz NOT NULL DEFAULT now(),
    ranked_at         timestamptz,
    -- The order of the crawl, and trust: 1 is best. Unranked domains follow all ranked ones, each
    -- with a position of its own (2^62 + id), so that no two of them tie.
    position          bigint NOT NULL GENERATED ALWAYS AS
                      (coalesce(harmonic_position, list_position, 4611686018427387904 + id)) STORED
);
CREATE INDEX domains_by_position ON domains (position) INCLUDE (id);

CREATE TABLE target_urls (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain_id  bigint NOT NULL UNIQUE REFERENCES domains (id) ON DELETE CASCADE,
    url        text NOT NULL,
    position   bigint NOT NULL,
    crawled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX target_urls_by_position ON target_urls (position) INCLUDE (id);

CREATE TABLE page_visits (
    target_url_id bigint PRIMARY KEY REFERENCES target_urls (id) ON DELETE CASCADE,
    final_url     text NOT NULL,
    status        integer NOT NULL,
    icon_count    integer NOT NULL,          -- candidates, before anybody looked whether they are images
    charset       text,
    etag          text,
    last_modified text,
    notes         jsonb NOT NULL DEFAULT '[]',  -- what failed beside the page: a manifest, a browserconfig
    crawled_at    timestamptz NOT NULL DEFAULT now(),
    injected      boolean NOT NULL DEFAULT false
);
CREATE INDEX page_visits_by_age ON page_visits (crawled_at) INCLUDE (target_url_id);

-- One row for each distinct icon URL, however many sites use it: it is fetched once.
CREATE TABLE icon_urls (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url_sha256  bytea NOT NULL UNIQUE,       -- of icon_url; a data: URL is too long to index
    icon_url    text NOT NULL,
    declared    boolean NOT NULL,            -- false: only guessed at a well-known path, so its absence is no error
    position    bigint NOT NULL,             -- of the site that named it first
    found_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX icon_urls_by_position ON icon_urls (position) INCLUDE (id);

-- Which page offers which icon, and how it says so.
CREATE TABLE site_icons (
    target_url_id bigint NOT NULL REFERENCES target_urls (id) ON DELETE CASCADE,
    icon_url_id   bigint NOT NULL REFERENCES icon_urls (id) ON DELETE CASCADE,
    ordinal       smallint NOT NULL,         -- in the order of discovery
    source        text NOT NULL,             -- link-icon, apple-touch-icon, manifest, well-known, …
    declared_url  text NOT NULL,             -- as the page writes it; data: URLs shortened
    sizes         text,
    type          text,
    media         text,
    found_at      timestamptz NOT NULL DEFAULT now(),
    gone_at       timestamptz,               -- when a later visit no longer offered it
    PRIMARY KEY (target_url_id, icon_url_id)
);
CREATE INDEX site_icons_by_icon ON site_icons (icon_url_id);

-- Pictures, one row for each distinct sequence of bytes.
CREATE TABLE favicons (
    sha256        bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    md5           bytea NOT NULL CHECK (octet_length(md5) = 16),  -- for OSINT; never an identity: it can be forged
    size          integer NOT NULL,          -- bytes
    format        text NOT NULL,
    width         integer NOT NULL,
    height        integer NOT NULL,
    frames        integer NOT NULL,
    body          bytea,                     -- NULL when larger than the settings keep
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE favicons ALTER COLUMN body SET STORAGE EXTERNAL;  -- images are compressed already
CREATE INDEX favicons_by_md5 ON favicons (md5);

-- What an icon URL last gave.
CREATE TABLE favicon_metadata (
    icon_url_id   bigint PRIMARY KEY REFERENCES icon_urls (id) ON DELETE CASCADE,
    sha256        bytea REFERENCES favicons (sha256),  -- NULL: nothing there, and nobody had promised it
    md5           bytea,
    size          integer,
    format        text,
    final_url     text,
    status        integer,
    etag          text,
    last_modified text,
    crawled_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    injected      boolean NOT NULL DEFAULT false
);
CREATE INDEX favicon_metadata_by_age ON favicon_metadata (crawled_at) INCLUDE (icon_url_id);
CREATE INDEX favicon_metadata_by_picture ON favicon_metadata (sha256);
CREATE INDEX favicon_metadata_by_md5 ON favicon_metadata (md5);

-- What an icon URL gave before: an old brand icon stays protected.
CREATE TABLE favicon_history (
    icon_url_id bigint NOT NULL REFERENCES icon_urls (id) ON DELETE CASCADE,
    sha256      bytea NOT NULL REFERENCES favicons (sha256),
    seen_from   timestamptz NOT NULL,
    seen_until  timestamptz NOT NULL,
    PRIMARY KEY (icon_url_id, sha256)
);
CREATE INDEX favicon_history_by_picture ON favicon_history (sha256);

-- One table of hashes for each algorithm, keyed by the picture (favicons.sha256; they are written in one
-- transaction and pictures are never deleted, so no foreign key doubles the cost of each row).
CREATE TABLE hash_pdq (
    sha256  bytea PRIMARY KEY,
    hash    bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TABLE hash_phash (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_blockhash16 (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TABLE hash_blockhash16_quick (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TABLE hash_blockhash8 (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_blockhash8_quick (
    sha256 bytea PRIMARY KEY,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 8)
);
CREATE TABLE hash_favicon_mmh3 (
    sha256 bytea PRIMARY KEY,
    hash   integer NOT NULL
);
CREATE INDEX hash_pdq_by_hash ON hash_pdq (hash);
CREATE INDEX hash_phash_by_hash ON hash_phash (hash);
CREATE INDEX hash_blockhash16_by_hash ON hash_blockhash16 (hash);
CREATE INDEX hash_blockhash16_quick_by_hash ON hash_blockhash16_quick (hash);
CREATE INDEX hash_blockhash8_by_hash ON hash_blockhash8 (hash);
CREATE INDEX hash_blockhash8_quick_by_hash ON hash_blockhash8_quick (hash);
CREATE INDEX hash_favicon_mmh3_by_hash ON hash_favicon_mmh3 (hash);

-- Errors: the newest one of each input, with how often in a row it failed.
CREATE TABLE domain_errs (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    domain_id bigint NOT NULL UNIQUE REFERENCES domains (id) ON DELETE CASCADE,
    error     jsonb NOT NULL CHECK (error ? 'kind' AND error ? 'message' AND error ? 'detail'),
    kind      text NOT NULL GENERATED ALWAYS AS (error ->> 'kind') STORED,
    attempts  integer NOT NULL DEFAULT 1,
    first_at  timestamptz NOT NULL DEFAULT now(),
    at        timestamptz NOT NULL DEFAULT now(),
    retry_at  timestamptz NOT NULL,
    injected  boolean NOT NULL DEFAULT false
);
CREATE TABLE icon_errs (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    target_url_id bigint NOT NULL UNIQUE REFERENCES target_urls (id) ON DELETE CASCADE,
    error         jsonb NOT NULL CHECK (error ? 'kind' AND error ? 'message' AND error ? 'detail'),
    kind          text NOT NULL GENERATED ALWAYS AS (error ->> 'kind') STORED,
    attempts      integer NOT NULL DEFAULT 1,
    first_at      timestamptz NOT NULL DEFAULT now(),
    at            timestamptz NOT NULL DEFAULT now(),
    retry_at      timestamptz NOT NULL,
    injected      boolean NOT NULL DEFAULT false
);
CREATE TABLE hashing_errs (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    icon_url_id bigint NOT NULL UNIQUE REFERENCES icon_urls (id) ON DELETE CASCADE,
    error       jsonb NOT NULL CHECK (error ? 'kind' AND error ? 'message' AND error ? 'detail'),
    kind        text NOT NULL GENERATED ALWAYS AS (error ->> 'kind') STORED,
    attempts    integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    at          timestamptz NOT NULL DEFAULT now(),
    retry_at    timestamptz NOT NULL,
    injected    boolean NOT NULL DEFAULT false
);
CREATE INDEX domain_errs_by_retry ON domain_errs (retry_at) INCLUDE (domain_id);
CREATE INDEX icon_errs_by_retry ON icon_errs (retry_at) INCLUDE (target_url_id);
CREATE INDEX hashing_errs_by_retry ON hashing_errs (retry_at) INCLUDE (icon_url_id);
CREATE INDEX domain_errs_by_kind ON domain_errs (kind, at);
CREATE INDEX icon_errs_by_kind ON icon_errs (kind, at);
CREATE INDEX hashing_errs_by_kind ON hashing_errs (kind, at);

-- Who works on what. A lease ends by a result, an error, a release, or by expiring.
CREATE TABLE leases (
    phase      text NOT NULL CHECK (phase IN ('domains', 'icons', 'hashes')),
    input_id   bigint NOT NULL,
    lease_id   uuid NOT NULL,                -- of the pull that took it: a late worker's write is recognised by it
    worker_id  uuid NOT NULL,
    attempts   integer NOT NULL DEFAULT 1,   -- pulls in a row that brought no outcome: the input may kill its worker
    leased_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (phase, input_id)
);
-- The time first: an index that begins with the phase would tempt the planner to look an input up in it.
CREATE INDEX leases_by_expiry ON leases (expires_at, phase);
-- A busy small table: vacuum by rows changed, not by a share of its size.
ALTER TABLE leases SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, fillfactor = 70);

CREATE TABLE crawl_workers (
    id           uuid PRIMARY KEY,
    host         text NOT NULL,
    pid          integer NOT NULL,
    phases       text[] NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    progress     jsonb NOT NULL DEFAULT '{}', -- {phase: {"done", "failed", "busy"}} since it started
    stopped_at   timestamptz                 -- NULL: running, or killed (see last_seen_at)
);

-- How far each source of work has been handed out. Sequences, because they are not versioned:
-- a row updated at every pull would leave dead versions behind, and a held snapshot would make
-- each pull step over all of them. 'fresh' counts positions; the others count microseconds since 1970.
CREATE SEQUENCE cursor_domains_fresh MINVALUE 0 START 0;
CREATE SEQUENCE cursor_domains_stale MINVALUE 0 START 0;
CREATE SEQUENCE cursor_domains_failed MINVALUE 0 START 0;
CREATE SEQUENCE cursor_domains_expired MINVALUE 0 START 0;
CREATE SEQUENCE cursor_icons_fresh MINVALUE 0 START 0;
CREATE SEQUENCE cursor_icons_stale MINVALUE 0 START 0;
CREATE SEQUENCE cursor_icons_failed MINVALUE 0 START 0;
CREATE SEQUENCE cursor_icons_expired MINVALUE 0 START 0;
CREATE SEQUENCE cursor_hashes_fresh MINVALUE 0 START 0;
CREATE SEQUENCE cursor_hashes_stale MINVALUE 0 START 0;
CREATE SEQUENCE cursor_hashes_failed MINVALUE 0 START 0;
CREATE SEQUENCE cursor_hashes_expired MINVALUE 0 START 0;
