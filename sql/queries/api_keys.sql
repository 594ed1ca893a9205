-- Keys of the HTTP service; only their SHA-256 is kept. There are few: a process holds all of them in memory.

-- name: live_keys()
-- Every key that works, with its hash. Reads the table, which has a row a key that was ever made.
SELECT id, name, role, scopes, per_minute, per_day, created_at, last_used_at, expires_at, replaced_at, key_sha256
FROM api_keys
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY id;

-- name: live_key(key_sha256)^
-- The key of this hash, if it works. By the unique index of hashes: one row.
SELECT id, name, role, scopes, per_minute, per_day, created_at, last_used_at, expires_at, replaced_at, key_sha256
FROM api_keys
WHERE key_sha256 = :key_sha256 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: create_key(name, role, scopes, per_minute, per_day, expires_s, key_sha256)^
-- The new key; no row when the name is taken by one that works. By the unique index of names: one row.
INSERT INTO api_keys (name, role, scopes, per_minute, per_day, expires_at, key_sha256)
VALUES (:name, :role, :scopes, :per_minute, :per_day, now() + (:expires_s)::float8 * interval '1 second',
        :key_sha256)
ON CONFLICT (name) WHERE revoked_at IS NULL AND replaced_at IS NULL DO NOTHING
RETURNING id, created_at, expires_at;

-- name: free_expired_name(name)!
-- Lets go of the name of a key that has ended, so that a new one may have it.
UPDATE api_keys SET revoked_at = expires_at
WHERE name = :name AND revoked_at IS NULL AND replaced_at IS NULL AND expires_at <= now();

-- name: replace_key(id, grace_s)^
-- Notes that a key is being replaced: it works for the grace time, or until it would have ended. With how long it was
-- to last in all, if it was to end. By primary key.
WITH before AS (
    SELECT id, extract(epoch FROM expires_at - created_at)::float8 AS lasts_s FROM api_keys WHERE id = :id FOR UPDATE
)
UPDATE api_keys AS k
SET replaced_at = now(), expires_at = least(expires_at, now() + (:grace_s)::float8 * interval '1 second')
FROM before
WHERE k.id = before.id AND revoked_at IS NULL AND replaced_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING name, role, scopes, per_minute, per_day, extract(epoch FROM expires_at - now())::float8 AS ends_in_s,
          before.lasts_s;

-- name: revoke_key(id)^
-- Ends a key; what it was, if it was there. By primary key.
UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL
RETURNING id, name, role, scopes, per_minute, per_day, created_at, last_used_at, expires_at, replaced_at;

-- name: note_uses(ids)!
-- Notes that keys were used, to the minute: one update a key and minute, by primary key.
UPDATE api_keys SET last_used_at = date_trunc('minute', now())
WHERE id = ANY (:ids::bigint[]) AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', now()));
