-- What people who are concerned say against a verdict, with how to reach them.

CREATE TABLE objections (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- also what an owner puts into the file that proves them
    site       text NOT NULL,
    verdict_id uuid NOT NULL,                -- the explanation that it is about, which may be gone by now
    contact    text NOT NULL,
    message    text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    proven_at  timestamptz                   -- the site serves the file: its owner speaks
);
CREATE INDEX objections_by_site ON objections (site, at DESC);
