-- Banks of what must not match: a lookup that finds something there answers nothing from the others.

ALTER TABLE banks ADD COLUMN negative boolean NOT NULL DEFAULT false;
