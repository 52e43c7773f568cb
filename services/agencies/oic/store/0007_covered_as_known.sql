-- Of each report the vehicle and the cover, so that a policy is found as it was known on a day, whatever it names since.
-- What was reported before this holds them in its last report alone.
ALTER TABLE policy_revision ADD COLUMN class TEXT;
ALTER TABLE policy_revision ADD COLUMN chassis TEXT;
ALTER TABLE policy_revision ADD COLUMN plate_key TEXT;
ALTER TABLE policy_revision ADD COLUMN province TEXT;
ALTER TABLE policy_revision ADD COLUMN start_at TEXT;
ALTER TABLE policy_revision ADD COLUMN until_at TEXT;
UPDATE policy_revision SET class = policy.class, chassis = policy.chassis, plate_key = policy.plate_key,
    province = policy.province, start_at = policy.start_at, until_at = policy.until_at
    FROM policy WHERE policy.insurer = policy_revision.insurer AND policy.number = policy_revision.number
    AND policy.revision = policy_revision.revision;
CREATE INDEX policy_revision_chassis ON policy_revision (chassis);
CREATE INDEX policy_revision_plate ON policy_revision (plate_key, province);
-- 1 where the office knew of the cover only after the accident: no insurer decides on such a claim.
ALTER TABLE claim ADD COLUMN cover_late INTEGER NOT NULL DEFAULT 0;
-- What the hospital that filed is told of the lines: of its own bill.
ALTER TABLE claim ADD COLUMN lines_filed TEXT NOT NULL DEFAULT '[]';
