-- People who use the web pages: their accounts, who is signed in, and who guesses.

CREATE TABLE users (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    role           text NOT NULL CHECK (role IN ('viewer', 'curator', 'admin')),
    password_hash  text NOT NULL,            -- Argon2id, in PHC form
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_signed_in timestamptz
);

-- Who is signed in: a user, or whoever showed an API key. Only the hash of the cookie is kept.
CREATE TABLE sessions (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    user_id      bigint REFERENCES users (id) ON DELETE CASCADE,
    key_sha256   bytea CHECK (octet_length(key_sha256) = 32),
    opened_at    timestamptz NOT NULL DEFAULT now(),
    seen_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(user_id, key_sha256) = 1)
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Failed attempts to sign in, kept for a day.
CREATE TABLE sign_in_failures (
    at      timestamptz NOT NULL DEFAULT now(),
    network text NOT NULL,                   -- the /24 or /48 that it came from
    name    text NOT NULL                    -- the account that was tried; empty for an API key
);
CREATE INDEX sign_in_failures_by_network ON sign_in_failures (network, at);
CREATE INDEX sign_in_failures_by_name ON sign_in_failures (name, at);

-- The verdicts that were given for one site, the newest first.
CREATE INDEX explained_verdicts_by_site ON explained_verdicts (site, at DESC);
