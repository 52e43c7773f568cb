-- Claims of hospitals for victims of vehicles. People are keyed hashes; money is satang; what is said of health is the
-- outcome, the cost, the days in hospital, and nothing else: no diagnosis, and of documents the digests alone.
CREATE TABLE claim (
    number TEXT PRIMARY KEY,
    hospital TEXT NOT NULL,
    bill TEXT NOT NULL,
    accident TEXT NOT NULL,
    victim TEXT NOT NULL,
    payee TEXT NOT NULL,
    accident_at TEXT NOT NULL,
    province TEXT NOT NULL,
    plate TEXT,
    plate_province TEXT,
    chassis TEXT,
    insurer TEXT,
    policy TEXT,
    treatment INTEGER NOT NULL,
    days INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    organ TEXT,
    documents TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    stage TEXT NOT NULL,
    state TEXT NOT NULL,
    due INTEGER NOT NULL,
    lines TEXT NOT NULL,
    law_since TEXT NOT NULL,
    filed_at TEXT NOT NULL,
    pay_by TEXT NOT NULL,
    UNIQUE (hospital, bill)
);
CREATE INDEX claim_victim_accident ON claim (victim, accident_at);
CREATE INDEX claim_payee ON claim (payee);
CREATE INDEX claim_work ON claim (state, pay_by, number);
-- Whoever files or decides for a victim holds this row, so that ceilings hold over all bills at once.
CREATE TABLE claim_turn (
    victim TEXT PRIMARY KEY,
    turns INTEGER NOT NULL
);
-- All that happened. Append-only.
CREATE TABLE claim_step (
    claim TEXT NOT NULL REFERENCES claim (number),
    step INTEGER NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    organisation TEXT,
    officer TEXT,
    reason_th TEXT,
    reason_en TEXT,
    PRIMARY KEY (claim, step)
);
-- What was approved, and what became of its payment.
CREATE TABLE claim_award (
    claim TEXT NOT NULL REFERENCES claim (number),
    award INTEGER NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    satang INTEGER NOT NULL,
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    said_at TEXT NOT NULL,
    PRIMARY KEY (claim, award)
);
-- Every look that was taken at a claim by somebody else than the victim. Append-only.
CREATE TABLE claim_look (
    claim TEXT NOT NULL REFERENCES claim (number),
    at TEXT NOT NULL,
    operation TEXT NOT NULL,
    organisation TEXT,
    officer TEXT
);
CREATE INDEX claim_look_claim ON claim_look (claim, at);
