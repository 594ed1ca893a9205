-- What extensions write: sightings, reports, allowlists, clients, requests for a crawl.

-- name: write_sightings(sites, sha256s, times)!
-- Sightings since the last write. Verified where the crawl has fetched that picture from the site. By primary key,
-- with a look-up by site_facts_by_site and the key of site_looks for each.
INSERT INTO sightings AS s (site, sha256, times, verified_at)
SELECT g.site, g.sha256, g.times,
       CASE WHEN EXISTS (SELECT FROM site_facts AS f JOIN site_looks AS l ON l.domain_id = f.domain_id
                         WHERE f.site = g.site AND l.sha256 = g.sha256 AND l.gone_since IS NULL)
            THEN now() END
FROM unnest(:sites::text[], :sha256s::bytea[], :times::bigint[]) AS g (site, sha256, times)
ON CONFLICT (site, sha256) DO UPDATE
SET last_seen = now(), times = s.times + excluded.times,
    verified_at = coalesce(s.verified_at, excluded.verified_at);

-- name: write_explanations(ids, sites, verdicts)!
-- Keeps verdicts with their reasons, under the ids that clients were given. By primary key, a row a verdict.
INSERT INTO explained_verdicts (id, site, verdict)
SELECT g.id, g.site, g.verdict::jsonb
FROM unnest(:ids::uuid[], :sites::text[], :verdicts::text[]) AS g (id, site, verdict)
ON CONFLICT (id) DO NOTHING;

-- name: add_client(token_sha256)$
-- A new client of the extension; its id. One row.
INSERT INTO clients (token_sha256) VALUES (:token_sha256) RETURNING id;

-- name: client_of(token_sha256)$
-- The client with this token, unless it is blocked. By the unique index of tokens: one row.
SELECT id FROM clients WHERE token_sha256 = :token_sha256 AND blocked_at IS NULL;

-- name: report_with_key(client_id, idempotency_key)^
-- The report that this client sent with this key, as add_report answers it. By the unique index of both: one row.
SELECT id, false AS added, site, kind FROM reports
WHERE client_id = :client_id AND idempotency_key = :idempotency_key;

-- name: add_report(site, kind, client_id, network, idempotency_key, looks_like)^
-- The report's id, and whether it is new; a repeated idempotency key gives the first one's.
WITH added AS (
    INSERT INTO reports (site, kind, client_id, network, idempotency_key, looks_like)
    VALUES (:site, :kind, :client_id, :network, :idempotency_key, :looks_like)
    ON CONFLICT (client_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT id, true AS added, :site AS site, :kind AS kind FROM added
UNION ALL
SELECT id, false, site, kind FROM reports
WHERE client_id = :client_id AND idempotency_key = :idempotency_key AND NOT EXISTS (SELECT FROM added);

-- name: allow_site(client_id, site, expires_s)^
-- Puts a site on a client's allowlist, anew if it was there. By primary key: one row.
INSERT INTO allowlist (client_id, site, expires_at)
VALUES (:client_id, :site, now() + (:expires_s)::float8 * interval '1 second')
ON CONFLICT (client_id, site) DO UPDATE SET added_at = now(), expires_at = excluded.expires_at
RETURNING site, expires_at;

-- name: disallow_site(client_id, site)!
-- Takes a site off a client's allowlist. By primary key: one row.
DELETE FROM allowlist WHERE client_id = :client_id AND site = :site;

-- name: allowed_sites(client_id)
-- A client's allowlist. By primary key, all rows of the client.
SELECT site, added_at, expires_at FROM allowlist
WHERE client_id = :client_id AND (expires_at IS NULL OR expires_at > now()) ORDER BY site;

-- name: add_operator_entry(site, list, note, added_by, expires_s)!
-- Puts a site on one of the operator's lists, and off the other. By primary key: one row.
INSERT INTO operator_lists (site, list, note, added_by, expires_at)
VALUES (:site, :list, :note, :added_by, now() + (:expires_s)::float8 * interval '1 second')
ON CONFLICT (site) DO UPDATE
SET list = excluded.list, note = excluded.note, added_by = excluded.added_by, added_at = now(),
    expires_at = excluded.expires_at;

-- name: remove_operator_entry(site)!
-- Takes a site off the operator's lists. By primary key: one row.
DELETE FROM operator_lists WHERE site = :site;

-- name: state_family(sites, others, proof, provenance)!
-- Keeps pairs of sites that belong together, with the proof and its source. By primary key, a row a pair.
INSERT INTO family_proofs (site, other, proof, provenance)
SELECT g.site, g.other, :proof, :provenance
FROM unnest(:sites::text[], :others::text[]) AS g (site, other)
ON CONFLICT (site, other) DO UPDATE
SET proof = excluded.proof, provenance = excluded.provenance, added_at = now();

-- name: dismiss_reports(site)!
-- Lets the reports on a site count no longer. By the index reports_by_site.
UPDATE reports SET dismissed_at = now() WHERE site = :site AND dismissed_at IS NULL;

-- name: add_requested_domains(reversed_names)
-- Domains that somebody asks about and the crawl does not know: their ids and positions. By the unique index of
-- names, a row a new domain.
INSERT INTO domains (reversed_name, source)
SELECT name, 'request' FROM unnest(:reversed_names::text[]) AS name ORDER BY name
ON CONFLICT (reversed_name) DO NOTHING
RETURNING position;

-- name: request_crawl(reversed_names)!
-- Put domains that were never visited before all others; those that failed wait for their back-off. Look-ups by
-- unique indexes for each name.
INSERT INTO crawl_requests (phase, input_id)
SELECT 'domains', d.id
FROM domains AS d
LEFT JOIN target_urls AS t ON t.domain_id = d.id
LEFT JOIN domain_errs AS e ON e.domain_id = d.id
WHERE d.reversed_name = ANY (:reversed_names::text[]) AND t.id IS NULL AND e.id IS NULL
ORDER BY d.id
ON CONFLICT (phase, input_id) DO UPDATE SET requested_at = now(), taken_at = NULL;

-- name: request_visit(reversed_names, older_than_s)!
-- Put domains that were visited, but not lately, before all others: their page is looked at again. Look-ups by
-- unique indexes for each name.
INSERT INTO crawl_requests (phase, input_id)
SELECT 'icons', t.id
FROM domains AS d
JOIN target_urls AS t ON t.domain_id = d.id
LEFT JOIN page_visits AS v ON v.target_url_id = t.id
WHERE d.reversed_name = ANY (:reversed_names::text[])
  AND coalesce(v.crawled_at, 'epoch') < now() - (:older_than_s)::float8 * interval '1 second'
ORDER BY t.id
ON CONFLICT (phase, input_id) DO UPDATE SET requested_at = now(), taken_at = NULL;

-- name: service_key(name)$
-- A secret that all processes of the service share, such as the one that lists are signed with. By primary key.
SELECT value FROM service_keys WHERE name = :name;

-- name: forget_stated(provenance, sites, others)!
-- Take back what this source stated before and states no longer. Reads the table, which holds what operators have
-- stated.
DELETE FROM family_proofs AS f
WHERE f.provenance = :provenance
  AND NOT EXISTS (SELECT FROM unnest(:sites::text[], :others::text[]) AS g (site, other)
                  WHERE (g.site, g.other) = (f.site, f.other));
