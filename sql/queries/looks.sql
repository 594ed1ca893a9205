-- Looks of pictures: which wait to be computed, and what came of it.

-- name: claim_pending(batch)
-- Pictures whose look nobody has computed, for the transaction of the caller: the rows are gone when it
-- commits, and back when it does not.
WITH claimed AS (
    DELETE FROM pending_looks
    WHERE id IN (SELECT id FROM pending_looks ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING sha256
)
SELECT DISTINCT f.sha256, f.body
FROM claimed AS c
JOIN favicons AS f ON f.sha256 = c.sha256
WHERE f.body IS NOT NULL
  AND NOT EXISTS (SELECT FROM looks AS l WHERE l.sha256 = f.sha256);

-- name: add_looks(sha256s, frames, looks)!
-- Keeps the looks of pictures' frames; what is there stays. By primary key, a row a frame.
INSERT INTO looks (sha256, frame, look)
SELECT * FROM unnest(:sha256s::bytea[], :frames::smallint[], :looks::bytea[])
ON CONFLICT (sha256, frame) DO NOTHING;

-- name: add_look_errors(sha256s, errors)!
-- Notes why pictures have no look. By the unique index of pictures, a row a picture.
INSERT INTO look_errs (sha256, error)
SELECT g.sha256, g.error::jsonb FROM unnest(:sha256s::bytea[], :errors::text[]) AS g (sha256, error)
ON CONFLICT (sha256) DO UPDATE SET error = excluded.error, at = now();
