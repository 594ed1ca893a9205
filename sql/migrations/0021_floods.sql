-- What an exchange usually brings, and where a flood of new contents began that a person is to look at.

ALTER TABLE exchanges
    ADD COLUMN usual double precision,  -- new contents of a fetch that follows a complete reading, as a running mean
    ADD COLUMN held_after bigint;       -- contents with larger ids are held, and nothing is fetched; NULL: none are
