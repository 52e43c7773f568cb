-- The registration number of the juristic person that an insurer is; none: the office reports for it.
ALTER TABLE insurer ADD COLUMN organisation TEXT;
