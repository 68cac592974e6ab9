-- Schema 2: what each destination has of a message, an account's sense of time, and an account's own token. Every table is
-- made anew, because CHECK rules and columns that go cannot be changed in place. References follow a renamed table.

ALTER TABLE account RENAME TO account1;
ALTER TABLE destination RENAME TO destination1;
ALTER TABLE message RENAME TO message1;
ALTER TABLE delivery RENAME TO delivery1;
ALTER TABLE pass RENAME TO pass1;

CREATE TABLE account (
    id              INTEGER PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    token           TEXT    NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))), -- stays when the name changes
    epoch           INTEGER NOT NULL DEFAULT 0,  -- counts leases; fences off a holder that lost its own
    generation      INTEGER NOT NULL DEFAULT 0,  -- counts changes of the set of destinations
    listings        INTEGER NOT NULL DEFAULT 0,  -- complete listings seen
    listed_at       INTEGER NOT NULL DEFAULT 0,  -- the last one, by the machine's clock
    clock_confirmed INTEGER NOT NULL DEFAULT 0,  -- the account's own time: see uidl/clock.go
    clock_aged      INTEGER NOT NULL DEFAULT 0,
    clock_ahead     INTEGER NOT NULL DEFAULT 0,
    clock_behind    INTEGER NOT NULL DEFAULT 0,
    clock_loose     INTEGER NOT NULL DEFAULT 0 CHECK (clock_loose IN (0, 1)),
    succeeded_at    INTEGER NOT NULL DEFAULT 0,  -- the last pass without failure
    next_try        INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    verdict         TEXT    NOT NULL DEFAULT '',
    facts           BLOB                         -- JSON: what the server taught us
) STRICT;

CREATE TABLE destination (
    id       INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL REFERENCES account (id),
    ordinal  INTEGER NOT NULL CHECK (ordinal BETWEEN 0 AND 47), -- its bit in have and waived is ordinal + 4
    name     TEXT    NOT NULL,
    identity TEXT    NOT NULL DEFAULT '',
    role     INTEGER NOT NULL DEFAULT 4 CHECK (role BETWEEN 0 AND 5),
    born     INTEGER NOT NULL DEFAULT 0,
    since    INTEGER NOT NULL DEFAULT 0,
    rest     INTEGER NOT NULL DEFAULT 0 CHECK (rest BETWEEN 0 AND 2),
    UNIQUE (account, ordinal),
    UNIQUE (account, name)
) STRICT;

CREATE TABLE message (
    account      INTEGER NOT NULL REFERENCES account (id),
    uid          BLOB    NOT NULL CHECK (length(uid) BETWEEN 1 AND 512),
    dup          INTEGER NOT NULL CHECK (dup >= 0),
    state        INTEGER NOT NULL CHECK (state BETWEEN 1 AND 6),
    size         INTEGER NOT NULL,
    first_seen   INTEGER NOT NULL CHECK (first_seen BETWEEN 0 AND 68719476735),
    have         INTEGER NOT NULL CHECK (have >= 0),       -- bits: who has it
    generation   INTEGER NOT NULL CHECK (generation >= -1), -- of the account when it was first retrieved
    waived       INTEGER,                     -- bits: who goes without; these are NULL on nearly every row: one byte each
    gone_at      INTEGER,
    gone_listing INTEGER,
    attempts     INTEGER,
    next_try     INTEGER,
    reason       TEXT,
    octets       INTEGER,
    sha256       BLOB    CHECK (length(sha256) = 32),
    fp           BLOB    CHECK (length(fp) = 16),
    PRIMARY KEY (account, uid, dup)
) STRICT, WITHOUT ROWID;

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
    FOREIGN KEY (account, uid, dup) REFERENCES message (account, uid, dup) ON UPDATE CASCADE
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

-- A clock that shows nonsense (before 864000000, see clock.go) has said nothing. The next listing looks for times that lie
-- ahead of it.
INSERT INTO account (id, name, epoch, listings, listed_at, clock_confirmed, clock_aged, clock_loose,
        succeeded_at, next_try, failures, verdict, facts)
    SELECT id, name, epoch, listings, listed_at, iif(listed_at BETWEEN 864000000 AND 68719476734, listed_at, 0),
        iif(listed_at BETWEEN 864000000 AND 68719476734, listed_at, 0),
        1, succeeded_at, next_try, failures, verdict, facts FROM account1;

-- Of more than 48 destinations of an account, those for which something is open are kept, then the youngest.
INSERT INTO destination (id, account, ordinal, name, identity)
    SELECT k.id, k.account, row_number() OVER (PARTITION BY k.account ORDER BY k.id) - 1, k.name,
        iif(k.identity = 'spool', 'spool2 ' || a.name || '/' || k.name || ' ', k.identity)
    FROM (SELECT *, row_number() OVER (PARTITION BY account
            ORDER BY id IN (SELECT destination FROM delivery1) DESC, id DESC) AS place FROM destination1) AS k
    JOIN account AS a ON a.id = k.account
    WHERE k.place <= 48;

-- have: 2 is Legacy, 4 Seen, 8 Unsure; 16 is the destination with ordinal 0. A message that is retrieved, and open for some
-- destinations, is where nothing is open.
INSERT INTO message (account, uid, dup, state, size, first_seen, have, generation, gone_at, gone_listing, attempts, next_try, reason,
        octets, sha256, fp)
    SELECT account, uid, dup, state, size,
        iif(first_seen BETWEEN 864000000 AND 68719476735, first_seen, 68719476735),
        CASE
            WHEN state IN (2, 3) THEN CASE
                WHEN next_try IS NOT 9223372036854775807 THEN 2
                WHEN reason IS 'marked as seen, never fetched' THEN 4
                ELSE 10 END
            WHEN coalesce(octets, sha256) IS NOT NULL AND EXISTS (SELECT 1 FROM delivery1 AS d
                WHERE d.account = m.account AND d.uid = m.uid AND d.dup = m.dup)
            THEN (SELECT coalesce(sum(16 << t.ordinal), 0) FROM destination AS t
                WHERE t.account = m.account AND NOT EXISTS (SELECT 1 FROM delivery1 AS d
                    WHERE d.account = m.account AND d.uid = m.uid AND d.dup = m.dup AND d.destination = t.id))
            ELSE 0 END,
        0, gone_at, iif(gone_at IS NULL, NULL, gone_listing), attempts,
        CASE WHEN state IN (2, 3) THEN nullif(next_try, 9223372036854775807) ELSE next_try END,
        reason, octets, sha256, fp
    FROM message1 AS m ORDER BY account, uid, dup;

INSERT INTO delivery (account, uid, dup, destination, state, seq, ticket, in_doubt, attempts, next_try, reason, at)
    SELECT account, uid, dup, destination, state, seq, ticket, in_doubt, attempts, next_try, reason, at FROM delivery1
    WHERE destination IN (SELECT id FROM destination);

INSERT INTO pass (account, n, started, ended, ok, verdict, totals)
    SELECT account, n, started, ended, ok, verdict, totals FROM pass1;

DROP TABLE pass1;
DROP TABLE delivery1;
DROP TABLE message1;
DROP TABLE destination1;
DROP TABLE account1;
