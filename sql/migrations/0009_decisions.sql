-- What operators decide of contents that an exchange shares: kept by the exchange's record, because a fetch replaces contents.

ALTER TABLE bank_content
    ADD COLUMN confirmed boolean,              -- what people here found: NULL: nobody has looked, false: a false positive
    ADD COLUMN shared jsonb,                   -- what an exchange says of it; metadata, note and tags are the operator's
    ADD COLUMN record_digest bytea,            -- of the exchange's record that it is
    ADD COLUMN removed_by text,                -- operator, exchange, crawl; NULL: it is there, or it went with its bank
    ADD COLUMN hidden boolean NOT NULL DEFAULT false;  -- removed by an operator while its exchange shares it: not purged
CREATE INDEX bank_content_by_record ON bank_content (bank_id, record_digest) WHERE record_digest IS NOT NULL;
DROP INDEX bank_content_by_removal;
CREATE INDEX bank_content_by_removal ON bank_content (removed_at) WHERE removed_at IS NOT NULL AND NOT hidden;

-- No content need have such a record now: a source may drop something and share it again next year.
CREATE TABLE record_decisions (
    bank_id          bigint NOT NULL REFERENCES banks (id),
    digest           bytea NOT NULL,           -- as bank_content.record_digest
    disable_until_ts bigint NOT NULL DEFAULT 1 CHECK (disable_until_ts >= 0),
    confirmed        boolean,
    note             text CHECK (length(note) <= 255),
    tags             text[] NOT NULL DEFAULT '{}',
    metadata         jsonb NOT NULL DEFAULT '{}',
    hidden           boolean NOT NULL DEFAULT false,
    decided_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bank_id, digest)
);

-- What was fetched before this step. It is the same content: followers need not read it again.
ALTER TABLE bank_content DISABLE TRIGGER content_is_stamped;
UPDATE bank_content AS c
SET record_digest = r.digest, shared = c.metadata -> 'json', metadata = '{}', tags = '{}'
FROM exchange_records AS r JOIN exchanges AS e ON e.id = r.exchange_id
WHERE r.content_id = c.id AND c.bank_id = e.bank_id;
ALTER TABLE bank_content ENABLE TRIGGER content_is_stamped;
