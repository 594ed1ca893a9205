-- Faults that crawling processes apply to themselves, when they may (see crawler/faults.py).

-- name: active_faults()
-- The faults of this moment. Served by injected_faults_by_end.
SELECT id, kind, site, share
FROM injected_faults
WHERE ends_at > now() AND (times_left IS NULL OR times_left > 0)
ORDER BY created_at, id;

-- name: take_fault(id)$
-- Use a fault once, where only so many times are left; NULL when it is used up. By primary key: one row.
UPDATE injected_faults
SET times_left = times_left - 1, hits = hits + 1
WHERE id = :id AND ends_at > now() AND (times_left IS NULL OR times_left > 0)
RETURNING true;
