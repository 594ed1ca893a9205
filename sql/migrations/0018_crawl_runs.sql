-- Runs of the crawl and of imports: when, what, how many, with which errors, and how they ended. And of an imported
-- list where it came from, so that the same release is not fetched again. Programs of the version before know
-- neither and need neither.

CREATE TABLE crawl_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('crawl', 'import')),
    what        text NOT NULL,                -- the phases, or the list's address
    every_s     double precision CHECK (every_s > 0),  -- NULL: somebody ran it by hand
    due_at      timestamptz,                  -- when a scheduled run was to begin
    next_at     timestamptz,                  -- when the one after it is to begin
    missed      integer NOT NULL DEFAULT 0,   -- how many of its times had passed without a run before it
    host        text NOT NULL,
    pid         integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),    -- its last sign of life
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('done', 'unchanged', 'stopped', 'failed')),
    counts      jsonb NOT NULL DEFAULT '{}',  -- what it did, by name
    errors      jsonb NOT NULL DEFAULT '{}',  -- how many errors it met, by kind
    message     text NOT NULL DEFAULT '',     -- why it failed, for people
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX crawl_runs_of ON crawl_runs (kind, what, id);

ALTER TABLE rank_imports
    ADD COLUMN url           text,            -- NULL: a file of the operator's
    ADD COLUMN etag          text,
    ADD COLUMN last_modified text;
