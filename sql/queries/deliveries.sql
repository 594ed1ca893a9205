-- Work that a message service carries. A message holds inputs that its feeder has leased in the database; whoever
-- is delivered one takes the leases over before it does any work, so that a second delivery finds nothing to do.

-- name: take_delivered(phase, input_ids, lease_ids, feeder, worker_id, lease_s)
-- Take over what a message brings: a row for each input whose lease still stands. `attempts` is NULL where somebody
-- else works on it; `wait_s` then says when to look again (at once where only a lock was in the way). No row: it is done, or was fed anew. Look-ups by the primary
-- key of leases. Rows that another transaction holds are skipped, so that two deliveries never wait for each other.
WITH given AS MATERIALIZED (
    SELECT g.input_id, g.lease_id
    FROM unnest(:input_ids::bigint[], :lease_ids::uuid[]) AS g (input_id, lease_id)
),
free AS MATERIALIZED (
    SELECT l.input_id, l.worker_id
    FROM given AS g
    JOIN leases AS l ON l.phase = :phase AND l.input_id = g.input_id AND l.lease_id = g.lease_id
    WHERE l.worker_id = :feeder OR l.expires_at <= now()
    FOR UPDATE OF l SKIP LOCKED
),
taken AS (
    UPDATE leases AS l
    SET worker_id = :worker_id,
        attempts = l.attempts + CASE WHEN f.worker_id = :feeder THEN 0 ELSE 1 END,
        leased_at = now(),
        expires_at = now() + (:lease_s)::float8 * interval '1 second'
    FROM free AS f
    WHERE l.phase = :phase AND l.input_id = f.input_id
    RETURNING l.input_id, l.attempts
)
SELECT l.input_id, t.attempts,
       CASE WHEN l.worker_id = :feeder THEN 0.0
            ELSE greatest(1.0, extract(epoch FROM l.expires_at - now())) END::float8 AS wait_s
FROM given AS g
JOIN leases AS l ON l.phase = :phase AND l.input_id = g.input_id AND l.lease_id = g.lease_id
LEFT JOIN taken AS t ON t.input_id = l.input_id;

-- name: hand_back(phase, input_ids, lease_ids, feeder, worker_id, queued_s)!
-- Leases go back to their feeder, because a message with these inputs waits again. By primary key, a row a lease.
UPDATE leases AS l
SET worker_id = :feeder, expires_at = now() + (:queued_s)::float8 * interval '1 second'
FROM unnest(:input_ids::bigint[], :lease_ids::uuid[]) AS mine (input_id, lease_id)
WHERE l.phase = :phase AND l.input_id = mine.input_id AND l.lease_id = mine.lease_id
  AND l.worker_id = :worker_id;

-- name: leased_count(phase, most)$
-- How many inputs of a phase are out, counted up to `most`. Reads no more entries of the primary key than that.
SELECT count(*) FROM (SELECT FROM leases WHERE phase = :phase LIMIT (:most)::bigint) AS counted;
