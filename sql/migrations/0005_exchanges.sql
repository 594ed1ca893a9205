-- Exchanges: programmes that share signals, what was fetched from them, and what is said back.

CREATE TABLE exchanges (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL,
    bank_id        bigint NOT NULL REFERENCES banks (id),
    api            text NOT NULL,                 -- the exchange type
    config         jsonb NOT NULL,                -- as the type's own class has it; never credentials
    credentials    bytea,                         -- NULL: those of the type, or of the environment
    enabled        boolean NOT NULL DEFAULT true, -- off: not fetched; its bank goes on matching
    every_s        double precision CHECK (every_s > 0),  -- NULL: as the settings say
    next_fetch_at  timestamptz NOT NULL DEFAULT now(),
    run_id         uuid,                          -- of the fetch that may write; whoever holds the lock sets it
    run_started_at timestamptz,
    completed_at   timestamptz,                   -- when the last fetch ended, well or badly
    succeeded      boolean,
    up_to_date     boolean NOT NULL DEFAULT false,
    failures       integer NOT NULL DEFAULT 0,    -- one after the other, until now
    error          jsonb CHECK (error IS NULL OR (error ? 'kind' AND error ? 'message' AND error ? 'detail')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    removed_at     timestamptz                    -- its records go later, a few at a time
);
CREATE UNIQUE INDEX exchanges_by_name ON exchanges (name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX exchanges_by_bank ON exchanges (bank_id);
CREATE INDEX exchanges_due ON exchanges (next_fetch_at) WHERE enabled AND removed_at IS NULL;

-- A generation is what one reading from the beginning brought, and all that followed it. The newest complete one
-- counts; a newer, incomplete one is being built beside it; older ones are on their way out.
CREATE TABLE exchange_checkpoints (
    exchange_id bigint NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
    generation  integer NOT NULL CHECK (generation > 0),
    checkpoint  text,                             -- where to go on; NULL: from the beginning
    progress_at bigint,                           -- the time that it stands for, in seconds since 1970
    complete    boolean NOT NULL DEFAULT false,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (exchange_id, generation)
);

-- What the source has, one row for each of its keys. No foreign key: rows are written under a lock on their
-- exchange, and an exchange is deleted only when they are gone.
CREATE TABLE exchange_records (
    exchange_id bigint NOT NULL,
    generation  integer NOT NULL,
    digest      bytea NOT NULL,                   -- of the key, which may be long: the first half of its SHA-256
    key         text NOT NULL,
    value       text NOT NULL,
    fingerprint bytea,                            -- SHA-256 of its signals; NULL: it has none that we can use
    content_id  bigint,                           -- in the exchange's bank; equal records of two generations share it
    PRIMARY KEY (exchange_id, digest, generation),
    CHECK ((fingerprint IS NULL) = (content_id IS NULL))
);
-- With the digest, so that whichever of the two indexes is chosen for a look-up of one record holds all of its key.
CREATE INDEX exchange_records_by_generation ON exchange_records (exchange_id, generation, digest);

-- What could not be used, as it came. A row is open until the same thing has been read well.
CREATE TABLE exchange_quarantine (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    exchange_id bigint NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
    digest      bytea NOT NULL,                   -- what makes two of them the same thing
    key_digest  bytea,                            -- as in exchange_records; NULL: no single record
    kind        text NOT NULL GENERATED ALWAYS AS (error ->> 'kind') STORED,
    error       jsonb NOT NULL CHECK (error ? 'kind' AND error ? 'message' AND error ? 'detail'),
    raw         bytea,
    times       integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    UNIQUE (exchange_id, digest)
);
CREATE INDEX exchange_quarantine_open ON exchange_quarantine (exchange_id, last_at) WHERE resolved_at IS NULL;
CREATE INDEX exchange_quarantine_by_key ON exchange_quarantine (exchange_id, key_digest)
    WHERE resolved_at IS NULL AND key_digest IS NOT NULL;

-- Credentials for all exchanges of a type that have none of their own.
CREATE TABLE exchange_api_credentials (
    api         text PRIMARY KEY,
    credentials bytea NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- What is to be said of signals, at most once each: a row is marked `sending` before anything goes out, and one
-- found so later is never sent again, because nobody knows whether it arrived.
CREATE TABLE exchange_opinions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange_id bigint NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('opinion', 'seen')),
    signal_type text NOT NULL,
    value       text NOT NULL CHECK (length(value) BETWEEN 1 AND 8192),
    category    text CHECK (category IN ('NEGATIVE_CLASS', 'INVESTIGATION_SEED', 'POSITIVE_CLASS')),
    tags        text[] NOT NULL DEFAULT '{}',
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN (
                    'waiting',                    -- -> sending
                    'sending',                    -- -> sent, refused, unsupported, waiting (surely not arrived), uncertain
                    'sent', 'refused', 'unsupported', 'uncertain')),
    tries       integer NOT NULL DEFAULT 0,
    try_at      timestamptz NOT NULL DEFAULT now(),
    error       jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    CHECK ((kind = 'opinion') = (category IS NOT NULL))
);
CREATE UNIQUE INDEX exchange_opinions_once ON exchange_opinions (exchange_id, kind, signal_type, md5(value));
CREATE INDEX exchange_opinions_waiting ON exchange_opinions (try_at) WHERE state IN ('waiting', 'sending');
