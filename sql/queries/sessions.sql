-- People who use the web pages: accounts, sessions, and failed attempts to sign in.

-- name: add_user(name, role, password_hash)$
-- A new account's id; nothing where the name is taken. By the unique index of names.
INSERT INTO users (name, role, password_hash) VALUES (:name, :role, :password_hash)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- name: all_users()
-- Every account. Reads the table, which has a row a person.
SELECT id, name, role, created_at, last_signed_in FROM users ORDER BY name;

-- name: user_named(name)^
-- The account of this name, with the hash of its password. By the unique index of names: one row.
SELECT id, name, role, password_hash FROM users WHERE name = :name;

-- name: remove_user(name)$
-- Ends an account and its sessions; its id if it was there. By the unique index of names, and sessions_by_user.
DELETE FROM users WHERE name = :name RETURNING id;

-- name: change_password(name, password_hash)$
-- Gives an account a new password and ends its sessions; its id if it was there. By the index of names, and of
-- sessions by user.
WITH changed AS (
    UPDATE users SET password_hash = :password_hash WHERE name = :name RETURNING id
),
ended AS (
    DELETE FROM sessions WHERE user_id IN (SELECT id FROM changed)
)
SELECT id FROM changed;

-- name: open_session(token_sha256, user_id, key_sha256)!
-- Signs somebody in, and notes when. By primary key: a row of each table.
WITH noted AS (
    UPDATE users SET last_signed_in = now() WHERE id = :user_id
)
INSERT INTO sessions (token_sha256, user_id, key_sha256) VALUES (:token_sha256, :user_id, :key_sha256);

-- name: session_of(token_sha256, idle_s, most_s)^
-- Who is signed in by a cookie, if that still holds. By primary keys: two rows.
SELECT s.key_sha256, u.name, u.role, s.seen_at < now() - interval '1 minute' AS stale
FROM sessions AS s
LEFT JOIN users AS u ON u.id = s.user_id
WHERE s.token_sha256 = :token_sha256
  AND s.seen_at > now() - (:idle_s)::float8 * interval '1 second'
  AND s.opened_at > now() - (:most_s)::float8 * interval '1 second';

-- name: note_seen(token_sha256)!
-- Notes that a session is in use. By primary key: one row.
UPDATE sessions SET seen_at = now() WHERE token_sha256 = :token_sha256;

-- name: close_session(token_sha256)!
-- Signs somebody out. By primary key: one row.
DELETE FROM sessions WHERE token_sha256 = :token_sha256;

-- name: note_failure(network, name)!
-- Remembers a failed attempt, and forgets those of yesterday. By the index by time of a network.
WITH old AS (
    DELETE FROM sign_in_failures WHERE network = :network AND at < now() - interval '1 day'
)
INSERT INTO sign_in_failures (network, name) VALUES (:network, :name);

-- name: failures(network, name, within_s)^
-- How often somebody failed lately: from this network with this name, from it in all, and with this name from
-- anywhere. By the two indexes: at most the failures of the time that is asked for.
SELECT count(*) FILTER (WHERE network = :network AND name = :name) AS of_both,
       count(*) FILTER (WHERE network = :network) AS of_network,
       count(*) FILTER (WHERE name = :name AND name <> '') AS of_name
FROM sign_in_failures
WHERE (network = :network OR name = :name) AND at > now() - (:within_s)::float8 * interval '1 second';

-- name: forget_stale(most_s)!
-- Ends what has ended by itself. Reads both tables, which are small; asked once a sign-in.
WITH failures AS (
    DELETE FROM sign_in_failures WHERE at < now() - interval '1 day'
)
DELETE FROM sessions WHERE opened_at < now() - (:most_s)::float8 * interval '1 second';
