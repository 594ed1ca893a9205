-- The inspector: errors by time, injected faults, errors and results (all marked), and outputs shared by a link.

CREATE INDEX domain_errs_by_time ON domain_errs (at, id);
CREATE INDEX icon_errs_by_time ON icon_errs (at, id);
CREATE INDEX hashing_errs_by_time ON hashing_errs (at, id);

-- What goes wrong on purpose in crawling processes that were started with SAMELOOK_ALLOW_INJECTION=1.
CREATE TABLE injected_faults (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind       text NOT NULL CHECK (kind IN (
                   'dns', 'timeout', 'tls', 'http-503', 'truncated', 'bomb', 'not-an-image',
                   'crash-worker', 'duplicate-message')),
    site       text,                           -- only this site; NULL: a share of all
    share      double precision NOT NULL DEFAULT 1 CHECK (share > 0 AND share <= 1),
    times_left integer CHECK (times_left >= 0),  -- NULL: as often as it comes
    hits       bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL
);
CREATE INDEX injected_faults_by_end ON injected_faults (ends_at);

-- The real error that an injected one stands for; it comes back when the injection is cleared.
ALTER TABLE domain_errs ADD COLUMN replaced jsonb CHECK (replaced IS NULL OR injected);
ALTER TABLE icon_errs ADD COLUMN replaced jsonb CHECK (replaced IS NULL OR injected);
ALTER TABLE hashing_errs ADD COLUMN replaced jsonb CHECK (replaced IS NULL OR injected);

-- Icon URLs that no page offers: they were put there, with all that hangs on them.
CREATE TABLE injected_icon_urls (
    icon_url_id bigint PRIMARY KEY REFERENCES icon_urls (id) ON DELETE CASCADE
);

-- Few rows ever; the indexes hold only these.
CREATE INDEX domain_errs_injected ON domain_errs (domain_id) WHERE injected;
CREATE INDEX icon_errs_injected ON icon_errs (target_url_id) WHERE injected;
CREATE INDEX hashing_errs_injected ON hashing_errs (icon_url_id) WHERE injected;
CREATE INDEX page_visits_injected ON page_visits (target_url_id) WHERE injected;
CREATE INDEX favicon_metadata_injected ON favicon_metadata (icon_url_id) WHERE injected;

-- Answers too long for a chat message. The link holds a secret of which only the SHA-256 is kept.
CREATE TABLE shared_outputs (
    key_sha256   bytea PRIMARY KEY CHECK (octet_length(key_sha256) = 32),
    content_type text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX shared_outputs_by_expiry ON shared_outputs (expires_at);

-- Chat commands that wait for their answer, so that an outage of the chat service loses none; and the signatures
-- of the last minutes, so that none is accepted twice.
CREATE TABLE chat_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    signature    bytea NOT NULL UNIQUE,
    received_at  timestamptz NOT NULL DEFAULT now(),
    interaction  jsonb,                        -- NULL: answered at once; kept only to refuse a replay
    answered_at  timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    try_at       timestamptz NOT NULL DEFAULT now(),
    gave_up      text                          -- why it was never answered
);
CREATE INDEX chat_requests_waiting ON chat_requests (try_at)
    WHERE interaction IS NOT NULL AND answered_at IS NULL AND gave_up IS NULL;
CREATE INDEX chat_requests_by_time ON chat_requests (received_at);
