-- until is a date, ISO 8601
CREATE TABLE policy (
    number TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until TEXT NOT NULL
);
