-- How many requests a key may make in a day, beside how many in a minute.

ALTER TABLE api_keys
    ADD COLUMN per_day integer CHECK (per_day > 0);    -- requests; NULL: as many as it likes
