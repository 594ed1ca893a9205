-- How near a signal must be to match in a bank, by signal type, where that is not the type's own radius.

ALTER TABLE banks ADD COLUMN radii jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(radii) = 'object');
