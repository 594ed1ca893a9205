-- Extensions that decide at home need not ask about a letter or a default picture. Looks whose codes are
-- there already stay as they are: about these they ask as before.
ALTER TABLE look_codes ADD COLUMN common boolean NOT NULL DEFAULT false;
