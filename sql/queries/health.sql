-- Whether the database can be written to, as `/readyz` says it.

-- name: fill_some_pages()#
-- Writes half a megabyte that ends with the transaction; fails where the disk is full. Touches no table of ours, so no index.
CREATE TEMP TABLE samelook_room ON COMMIT DROP AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 500);
