-- Dates are ISO 8601, `content` and `grading` are JSON as the operations' `record` describes it, `digest` is SHA-256 of it.
-- Whose a record is stands in `pid`, and in `content` in the place of the national ID, as the keyed hash of `Host.index`.
CREATE TABLE institution (
    code TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    digest TEXT NOT NULL,
    name_th TEXT NOT NULL,
    name_en TEXT NOT NULL,
    grading TEXT NOT NULL
);

-- The record of one study of one student as it stands: of all revisions the last.
CREATE TABLE record (
    institution TEXT NOT NULL REFERENCES institution (code),
    number TEXT NOT NULL,
    revision BIGINT NOT NULL,
    pid TEXT NOT NULL,
    student_number TEXT NOT NULL,
    level TEXT NOT NULL,
    status TEXT NOT NULL,
    awarded_on TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (institution, number)
);
CREATE INDEX record_pid ON record (pid);
CREATE INDEX record_student ON record (student_number);

-- Every revision that was taken, so that one that comes again is known, and what a document was made of can be told.
CREATE TABLE revision (
    institution TEXT NOT NULL,
    number TEXT NOT NULL,
    revision BIGINT NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    PRIMARY KEY (institution, number, revision)
);
