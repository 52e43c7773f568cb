-- The registration number of the juristic person that an institution is; none: the ministry alone sends for it.
ALTER TABLE institution ADD COLUMN organisation TEXT;
