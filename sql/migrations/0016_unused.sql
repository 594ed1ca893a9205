-- What nothing reads or writes any more: looks held to be nobody's because two sites share them, and who served a
-- site's picture.

-- Numbers of emptied tables mean nothing any more, in these tables either.
CREATE OR REPLACE FUNCTION note_new_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM verdict_epochs;
    INSERT INTO verdict_epochs DEFAULT VALUES;
    DELETE FROM trusted_looks;
    DELETE FROM crawl_requests;
    RETURN NULL;
END $$;

DROP TABLE shared_looks;
ALTER TABLE site_looks DROP COLUMN own_host;

-- Why each of these is a trigger, and no rule in a room's code. They run in the writer's transaction, so that what they
-- note is there when, and only when, what they note it of is.
COMMENT ON FUNCTION announce_bank_change() IS
    'Wakes those who follow banks, whoever wrote: banks/, an exchange''s fetch, or an operator in psql.';
COMMENT ON FUNCTION stamp_content() IS
    'Followers find changes by this mark alone. A writer that forgot it would hide a removal for ever.';
COMMENT ON FUNCTION bank_crawled_looks() IS
    'The crawl knows no banks (it is below them), and its pictures are to match from the moment they are stored.';
COMMENT ON FUNCTION forget_crawled_looks() IS
    'As for bank_crawled_looks: whoever deletes pictures, or empties their table, knows no banks.';
COMMENT ON FUNCTION refuse_signal_change() IS
    'A rule that must hold: live indexes keep values by their ids, and would go on answering with a changed one.';
COMMENT ON FUNCTION note_new_favicons() IS
    'The crawl knows no looks; its pictures wait here for whoever computes them.';
COMMENT ON FUNCTION note_changed_domains() IS
    'The crawl knows no facts (they are above it): what changed at a site is noted for the keeper of facts.';
COMMENT ON FUNCTION note_changed_targets() IS 'As for note_changed_domains.';
COMMENT ON FUNCTION note_changed_icons() IS 'As for note_changed_domains.';
COMMENT ON FUNCTION note_changed_pictures() IS 'As for note_changed_domains.';
COMMENT ON FUNCTION note_changed_looks() IS 'As for note_changed_domains, of whoever computes looks.';
COMMENT ON FUNCTION note_new_epoch() IS
    'A truncated table begins its numbers anew, whoever truncates it; processes that remember old ones must hear of it.';
COMMENT ON FUNCTION note_verdict_change() IS
    'Serving processes follow these tables by this log, whoever writes: a client''s request, an operator, psql.';
COMMENT ON FUNCTION note_whole_change() IS 'As for note_verdict_change, of lists that are read anew as a whole.';
COMMENT ON FUNCTION request_found_pages() IS
    'The crawl knows nothing of who asked: what is found for a requested input is requested in the next phase.';
COMMENT ON FUNCTION request_found_icons() IS 'As for request_found_pages.';
COMMENT ON FUNCTION request_known_icons() IS 'As for request_found_pages, where a page offers what it did before.';
