-- Values of any length, such as the vPDQ of a film. An index takes 2,700 bytes at most, so that a long value is known by
-- its SHA-256 behind a NUL, which no other value of that length has, and is kept whole beside it.

ALTER TABLE signals
    ADD COLUMN long_value bytea;   -- the whole value where `value` is its key; NULL where `value` is whole

-- What stands in signals.value for a value.
CREATE FUNCTION signal_key(whole bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN octet_length(whole) <= 1024 THEN whole ELSE '\x00'::bytea || sha256(whole) END;

-- What stands in signals.long_value for a value.
CREATE FUNCTION signal_rest(whole bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN octet_length(whole) > 1024 THEN whole END;
