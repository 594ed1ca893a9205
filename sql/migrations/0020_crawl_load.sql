-- What a crawling process shows of itself, what was told of a run's trouble, and up to where a phase is known to be
-- done. Programs of the version before write none of it, and miss none of it.

ALTER TABLE crawl_workers
    ADD COLUMN load jsonb NOT NULL DEFAULT '{}';  -- slots, lag, memory, and seconds by stage, of its last sign of life

ALTER TABLE crawl_runs
    ADD COLUMN told text;                         -- the trouble that a chat was told of: so each is told once

-- Inputs up to these positions are known to have a result or an error, so that the end of a crawl does not look at
-- them again. The version before looks at everything instead, and does not set them back when it adds inputs; its
-- cursor is set back then, so these are pulled all the same.
CREATE SEQUENCE cursor_domains_done MINVALUE 0 START 0;
CREATE SEQUENCE cursor_icons_done MINVALUE 0 START 0;
CREATE SEQUENCE cursor_hashes_done MINVALUE 0 START 0;
