-- What people say against verdicts.

-- name: add_objection(site, verdict_id, contact, message)$
-- A new objection; its number. One row.
INSERT INTO objections (site, verdict_id, contact, message) VALUES (:site, :verdict_id, :contact, :message)
RETURNING id;

-- name: objection(id)^
-- One of them, by the primary key.
SELECT id, site, verdict_id, at, proven_at FROM objections WHERE id = :id;

-- name: prove_objection(id)!
-- Notes since when an owner is known to speak. One row, by the primary key.
UPDATE objections SET proven_at = coalesce(proven_at, now()) WHERE id = :id;

-- name: objections_of(site, most)
-- Those about a site, the newest first. Served by objections_by_site.
SELECT id, verdict_id, contact, message, at, proven_at
FROM objections WHERE site = :site ORDER BY at DESC LIMIT :most;
