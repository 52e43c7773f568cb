-- Road tax that was asked for here. Days are ISO 8601; owner is the host's keyed hash of the number.
CREATE TABLE renewal (
    reference TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    chassis TEXT NOT NULL,
    plate TEXT NOT NULL,
    province TEXT NOT NULL,
    paid_from TEXT NOT NULL,
    paid_until TEXT NOT NULL,
    satang BIGINT NOT NULL,
    covered_until TEXT NOT NULL,
    state TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX renewal_chassis ON renewal (chassis);
-- A year of a vehicle is renewed once: WAITING for its fee, or PAID; OVER is what was not paid, or withdrawn.
CREATE UNIQUE INDEX renewal_once ON renewal (chassis, paid_until) WHERE state <> 'OVER';
