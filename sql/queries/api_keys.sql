-- Keys of the HTTP service; only their SHA-256 is kept.

-- name: role_of_key(key_sha256)$
SELECT role FROM api_keys
WHERE key_sha256 = :key_sha256 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: admin_exists()$
SELECT EXISTS (
    SELECT FROM api_keys
    WHERE role = 'admin' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
);

-- name: list_keys()
SELECT id, name, role, created_at FROM api_keys
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY id;

-- name: create_key(name, role, key_sha256)^
-- No row when the name is taken.
INSERT INTO api_keys (name, role, key_sha256) VALUES (:name, :role, :key_sha256)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
RETURNING id, created_at;

-- name: revoke_key(id)$
UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL RETURNING id;
