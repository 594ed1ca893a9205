-- A bank read out as a whole, through cursors: what is shared with others.
--
-- Only contents that take part in lookups now are shared. The order is fixed, so that two exports of an unchanged
-- bank are the same bytes.

-- name: read_all_of_it()!
-- A cursor is planned for its first tenth otherwise, which for these means a look-up for each row.
SET LOCAL cursor_tuple_fraction = 1;

-- name: bank_signals(bank_id, types, now)
-- Every signal of a bank once, by type and value. Reads all of the bank and sorts it, on disk if need be.
SELECT s.type, coalesce(s.long_value, s.value) AS value
FROM signals AS s
WHERE (CAST(:types AS text[]) IS NULL OR s.type = ANY (CAST(:types AS text[])))
  AND s.id IN (
    SELECT cs.signal_id
    FROM bank_content AS c JOIN content_signals AS cs ON cs.content_id = c.id
    WHERE c.bank_id = :bank_id AND c.removed_at IS NULL
      AND (c.disable_until_ts = 1 OR (c.disable_until_ts > 1 AND c.disable_until_ts <= CAST(:now AS bigint)))
  )
ORDER BY s.type, s.value;

-- name: bank_contents(bank_id, types, now)
-- Every content of a bank that has signals, oldest first, with what it is said to be. Reads all of the bank by
-- bank_content_by_bank; the cursor keeps no more than a page in memory.
SELECT c.id, c.note, c.metadata, c.shared,
       array_agg(s.type ORDER BY s.type, s.value) AS types,
       array_agg(coalesce(s.long_value, s.value) ORDER BY s.type, s.value) AS "values"
FROM bank_content AS c
JOIN content_signals AS cs ON cs.content_id = c.id
JOIN signals AS s ON s.id = cs.signal_id
WHERE c.bank_id = :bank_id AND c.removed_at IS NULL
  AND (c.disable_until_ts = 1 OR (c.disable_until_ts > 1 AND c.disable_until_ts <= CAST(:now AS bigint)))
  AND (CAST(:types AS text[]) IS NULL OR s.type = ANY (CAST(:types AS text[])))
GROUP BY c.id
ORDER BY c.id;
