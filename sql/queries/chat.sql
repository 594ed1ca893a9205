-- Questions from chat: kept until they are answered, so that an outage of the chat service loses none.

-- name: keep_request(signature, interaction)$
-- Keep a request; NULL when its signature was seen before, which makes it a replay. By the unique index of
-- signatures: one row.
INSERT INTO chat_requests (signature, interaction)
VALUES (:signature, (:interaction)::text::jsonb)
ON CONFLICT (signature) DO NOTHING
RETURNING id;

-- name: take_request(busy_s)^
-- The next request that waits; nobody else takes it for `busy_s`. Served by chat_requests_waiting.
UPDATE chat_requests AS r
SET tries = r.tries + 1, try_at = now() + (:busy_s)::float8 * interval '1 second'
FROM (
    SELECT id
    FROM chat_requests
    WHERE interaction IS NOT NULL AND answered_at IS NULL AND gave_up IS NULL AND try_at <= now()
    ORDER BY try_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS next
WHERE r.id = next.id
RETURNING r.id, r.interaction, r.tries, extract(epoch FROM now() - r.received_at)::float8 AS age_s;

-- name: answered(id)!
-- Notes that a request was answered and forgets what was asked. By primary key: one row.
UPDATE chat_requests SET answered_at = now(), interaction = NULL WHERE id = :id;

-- name: try_later(id, wait_s)!
-- Puts a request back for so many seconds. By primary key: one row.
UPDATE chat_requests SET try_at = now() + (:wait_s)::float8 * interval '1 second' WHERE id = :id;

-- name: give_up(id, why)!
-- Notes why a request will not be answered. By primary key: one row.
UPDATE chat_requests SET gave_up = :why WHERE id = :id;

-- name: share(key_sha256, content_type, body, lasts_s)!
-- Keeps an answer that is too long for the chat under a key, for so many seconds. One row.
INSERT INTO shared_outputs (key_sha256, content_type, body, expires_at)
VALUES (:key_sha256, :content_type, :body, now() + (:lasts_s)::float8 * interval '1 second');

-- name: shared(key_sha256)^
-- The answer that was kept under a key, while it lasts. By primary key: one row.
SELECT content_type, body FROM shared_outputs WHERE key_sha256 = :key_sha256 AND expires_at > now();

-- name: forget_old(seconds)!
-- Answered requests and what may be forgotten with them; signatures stay longer than a replay could use them. By
-- chat_requests_by_time and shared_outputs_by_expiry.
WITH gone AS (DELETE FROM shared_outputs WHERE expires_at <= now())
DELETE FROM chat_requests
WHERE received_at < now() - (:seconds)::float8 * interval '1 second'
  AND (interaction IS NULL OR gave_up IS NOT NULL);
