-- When cover ends indeed: at `end_at`, on the day of the cancellation, or, cancelled as a whole, before it began.
ALTER TABLE policy ADD COLUMN cancelled_on TEXT;
ALTER TABLE policy ADD COLUMN until_at TEXT NOT NULL DEFAULT '';
UPDATE policy SET until_at = CASE status WHEN 'active' THEN end_at ELSE start_at END;
