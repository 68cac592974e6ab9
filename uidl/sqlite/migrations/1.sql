-- Schema 1. docs/ledger-format.md says what each column means. Times are Unix seconds.

CREATE TABLE account (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    epoch        INTEGER NOT NULL DEFAULT 0,  -- counts leases; fences off a holder that lost its own
    listings     INTEGER NOT NULL DEFAULT 0,  -- complete listings seen
    listing_days INTEGER NOT NULL DEFAULT 0,  -- distinct days (UTC) with one
    listed_at    INTEGER NOT NULL DEFAULT 0,  -- the last one
    succeeded_at INTEGER NOT NULL DEFAULT 0,  -- the last pass without failure
    next_try     INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    verdict      TEXT    NOT NULL DEFAULT '',
    facts        BLOB                         -- JSON: what the server taught us
) STRICT;

CREATE TABLE message (
    account      INTEGER NOT NULL REFERENCES account (id),
    uid          BLOB    NOT NULL CHECK (length(uid) BETWEEN 1 AND 512),
    dup          INTEGER NOT NULL CHECK (dup >= 0),
    state        INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
    size         INTEGER NOT NULL,
    first_seen   INTEGER NOT NULL,
    first_day    INTEGER NOT NULL,
    gone_at      INTEGER,                     -- these are NULL on nearly every row: one byte each
    gone_listing INTEGER,
    attempts     INTEGER,
    next_try     INTEGER,
    reason       TEXT,
    octets       INTEGER,
    sha256       BLOB    CHECK (length(sha256) = 32),
    fp           BLOB    CHECK (length(fp) = 16),
    PRIMARY KEY (account, uid, dup)
) STRICT, WITHOUT ROWID;

CREATE TABLE destination (
    id       INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL REFERENCES account (id),
    name     TEXT    NOT NULL,
    identity TEXT    NOT NULL DEFAULT '',
    UNIQUE (account, name)
) STRICT;

CREATE TABLE delivery (
    account     INTEGER NOT NULL,
    uid         BLOB    NOT NULL,
    dup         INTEGER NOT NULL,
    destination INTEGER NOT NULL REFERENCES destination (id),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    seq         INTEGER NOT NULL,             -- order of publishing within the account
    ticket      TEXT    NOT NULL,
    in_doubt    INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_try    INTEGER NOT NULL DEFAULT 0,
    reason      TEXT    NOT NULL DEFAULT '',
    at          INTEGER NOT NULL,
    PRIMARY KEY (account, uid, dup, destination),
    FOREIGN KEY (account, uid, dup) REFERENCES message (account, uid, dup)
) STRICT, WITHOUT ROWID;

CREATE TABLE pass (
    account INTEGER NOT NULL REFERENCES account (id),
    n       INTEGER NOT NULL,                 -- counts; two passes may begin within one second
    started INTEGER NOT NULL,
    ended   INTEGER NOT NULL,
    ok      INTEGER NOT NULL,
    verdict TEXT    NOT NULL DEFAULT '',
    totals  BLOB,                             -- JSON
    PRIMARY KEY (account, n)
) STRICT, WITHOUT ROWID;
