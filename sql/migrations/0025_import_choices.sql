-- With which choices a list was imported: the same list with other ones is to be imported again.

ALTER TABLE rank_imports
    ADD COLUMN choices text;    -- of an address, as RankImportSettings writes them; NULL: nobody knows
