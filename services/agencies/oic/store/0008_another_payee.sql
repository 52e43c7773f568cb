-- Another is paid what came back: which award this one replaces, and who was to be paid by that.
ALTER TABLE claim_award ADD COLUMN instead_of TEXT;
ALTER TABLE claim_award ADD COLUMN payee_before TEXT;
