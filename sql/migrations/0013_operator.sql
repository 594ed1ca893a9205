-- What operators do and import: an audit of it, families in groups, what sites say of others, common looks.

-- Who did what, when and why. Rows are only added.
CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text NOT NULL,                   -- a person's account at the command line, or the name of an API key
    action  text NOT NULL,
    subject text NOT NULL,                   -- a site, or what was imported
    note    text NOT NULL DEFAULT '',
    detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_subject ON audit (subject, id);

-- Families as somebody states them: all sites of a group are one organisation.
CREATE TABLE family_groups (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provenance text NOT NULL,                -- `operator`, or the list that was imported
    name       text NOT NULL DEFAULT '',
    added_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX family_groups_by_provenance ON family_groups (provenance);
CREATE TABLE family_members (
    group_id bigint NOT NULL REFERENCES family_groups (id) ON DELETE CASCADE,
    site     text NOT NULL,
    PRIMARY KEY (group_id, site)
);
CREATE INDEX family_members_by_site ON family_members (site);

-- What a site in the tiers says of others: that they are its own. Whether that counts follows from the ranks.
CREATE TABLE site_statements (
    site    text NOT NULL,
    other   text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('hreflang', 'canonical', 'webauthn', 'assetlinks')),
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, other, kind),
    CHECK (site <> other)
);
-- When a site's statements were read last, and what came of it.
CREATE TABLE statement_visits (
    site       text PRIMARY KEY,
    visited_at timestamptz NOT NULL DEFAULT now(),
    error      text
);

-- What an operator adds to the catalogue of common looks that is in the package.
CREATE TABLE catalogue_vendors (
    product  text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('software', 'framework', 'hosting', 'provider')),
    site     text NOT NULL DEFAULT '',       -- a site of the vendor's; empty: only pictures are known
    source   text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product, site)
);
CREATE TABLE catalogue_pictures (
    digest   bytea NOT NULL CHECK (octet_length(digest) IN (16, 32)),  -- the MD5 or SHA-256 of a picture
    product  text NOT NULL,
    source   text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (digest, product)
);

-- The newest verdicts of one kind, for whoever lists who was caught.
CREATE INDEX explained_verdicts_by_verdict ON explained_verdicts ((verdict ->> 'verdict'), at DESC);

ALTER TABLE verdict_changes DROP CONSTRAINT verdict_changes_kind_check;
ALTER TABLE verdict_changes ADD CONSTRAINT verdict_changes_kind_check
    CHECK (kind IN ('allowlist', 'operator', 'reports', 'family', 'catalogue'));

-- Once a statement: an import changes thousands of rows, and readers read all of them anyway.
CREATE FUNCTION note_whole_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO verdict_changes (kind, key) VALUES (TG_ARGV[0], '*');
    PERFORM pg_notify('samelook_verdicts', TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER family_members_noted AFTER INSERT OR UPDATE OR DELETE ON family_members
    FOR EACH STATEMENT EXECUTE FUNCTION note_whole_change('family');
CREATE TRIGGER site_statements_noted AFTER INSERT OR DELETE ON site_statements
    FOR EACH STATEMENT EXECUTE FUNCTION note_whole_change('family');
CREATE TRIGGER catalogue_vendors_noted AFTER INSERT OR UPDATE OR DELETE ON catalogue_vendors
    FOR EACH STATEMENT EXECUTE FUNCTION note_whole_change('catalogue');
CREATE TRIGGER catalogue_pictures_noted AFTER INSERT OR UPDATE OR DELETE ON catalogue_pictures
    FOR EACH STATEMENT EXECUTE FUNCTION note_whole_change('catalogue');
