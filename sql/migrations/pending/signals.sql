-- Signals, one row per type and value, and the log that live indexes follow.

CREATE TABLE signals (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- never used again after a removal
    type       text NOT NULL,                                     -- pdq, blockhash16, md5, …
    value      bytea NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 1024),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (type, value)
);
CREATE INDEX signals_by_type ON signals (type, id);

-- What the log is, and how far back it goes. One row.
CREATE TABLE signal_log (
    single_row   boolean PRIMARY KEY DEFAULT true CHECK (single_row),
    identity     uuid NOT NULL DEFAULT gen_random_uuid(),
    pruned_below xid8 NOT NULL DEFAULT '0'      -- changes of older transactions may be gone
);
INSERT INTO signal_log DEFAULT VALUES;

-- One row for each signal added or removed, written by the triggers below and by nothing else.
CREATE TABLE signal_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type       text NOT NULL,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    signal_id  bigint NOT NULL,
    value      bytea,                           -- NULL: removed
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX signal_changes_by_transaction ON signal_changes (type, xid);
CREATE INDEX signal_changes_by_time ON signal_changes (changed_at);

CREATE FUNCTION log_signal_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO signal_changes (type, signal_id, value) SELECT type, id, value FROM changed;
    ELSE
        INSERT INTO signal_changes (type, signal_id, value) SELECT type, id, NULL FROM changed;
    END IF;
    -- A hint only: whoever misses it looks by itself soon. Equal ones of a transaction are sent once.
    PERFORM pg_notify('samelook_signals', type) FROM (SELECT DISTINCT type FROM changed) AS types;
    RETURN NULL;
END
$$;

CREATE TRIGGER log_added_signals AFTER INSERT ON signals
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION log_signal_changes();
CREATE TRIGGER log_removed_signals AFTER DELETE ON signals
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION log_signal_changes();

-- An id means one value for ever; TRUNCATE would not be logged.
CREATE FUNCTION refuse_signal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'signals are added and deleted, never %', lower(TG_OP) || 'd'
        USING HINT = 'Delete the row and insert another one.';
END
$$;
CREATE TRIGGER signals_keep_their_values BEFORE UPDATE ON signals
    FOR EACH ROW WHEN (old.id <> new.id OR old.type <> new.type OR old.value <> new.value)
    EXECUTE FUNCTION refuse_signal_change();
CREATE TRIGGER signals_are_not_truncated BEFORE TRUNCATE ON signals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_signal_change();
