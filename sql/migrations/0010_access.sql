-- API keys of limited reach that can be replaced while they work.

ALTER TABLE api_keys
    DROP CONSTRAINT api_keys_role_check,
    ADD CONSTRAINT api_keys_role_check CHECK (role IN ('extension', 'viewer', 'curator', 'admin')),
    ADD COLUMN scopes text[] CHECK (cardinality(scopes) > 0),        -- NULL: all that the role allows
    ADD COLUMN per_minute integer CHECK (per_minute > 0),            -- requests; NULL: as many as it likes
    ADD COLUMN last_used_at timestamptz,                             -- to the minute
    ADD COLUMN replaced_at timestamptz;                              -- by a newer key of the same name
DROP INDEX api_keys_by_name;
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (name) WHERE revoked_at IS NULL AND replaced_at IS NULL;
