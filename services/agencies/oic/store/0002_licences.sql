-- Licences of agents and brokers as they were reported last. Days are Bangkok's; insurers is a JSON list of codes.
CREATE TABLE licence (
    number TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    business TEXT NOT NULL,
    holder TEXT NOT NULL,
    name_th TEXT NOT NULL,
    name_en TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    expires_on TEXT NOT NULL,
    status TEXT NOT NULL,
    insurers TEXT NOT NULL,
    reported_at TEXT NOT NULL
);
-- The words of both names, as they are compared.
CREATE TABLE licence_word (
    word TEXT NOT NULL,
    number TEXT NOT NULL REFERENCES licence (number),
    PRIMARY KEY (word, number)
);
CREATE INDEX licence_word_number ON licence_word (number);
