-- Times are Unix seconds, days are days since 1970-01-01. "Life" is when retention deletes a row.

-- Administrative units. Life: for good.
CREATE TABLE unit (
    unit_code   TEXT PRIMARY KEY,               -- official code
    name        TEXT NOT NULL,
    parent_code TEXT REFERENCES unit,           -- NULL: the country
    listed      INTEGER NOT NULL,               -- 1: out of a list of units; 0: the country, and what officers added
    closed      INTEGER NOT NULL                -- 1: the list no longer has it; keeps its past, gets no officers, codes or sub-units
) STRICT, WITHOUT ROWID;

CREATE INDEX unit_by_parent ON unit (parent_code);

INSERT INTO unit VALUES ('VN', 'Việt Nam', NULL, 0, 0);

-- Which list of units was loaded last. Life: until the next one.
CREATE TABLE unit_list (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    digest BLOB NOT NULL                        -- SHA-256 of the list's text
) STRICT;

-- Officers' accounts. Life: for good; deactivated ones stay, so that their codes keep an issuer.
CREATE TABLE officer (
    officer_id      TEXT PRIMARY KEY,           -- random
    label           TEXT NOT NULL,              -- what the unit calls the account; not a person's name
    unit_code       TEXT NOT NULL REFERENCES unit,
    role            INTEGER NOT NULL,           -- 1 officer, 2 supervisor, 3 administrator, 4 auditor
    active          INTEGER NOT NULL,           -- 0 or 1
    UNIQUE (unit_code, label)
) STRICT, WITHOUT ROWID;

-- Bearer credentials of accounts, for hospital systems and the command line. Life: for good; revoked ones stay, so that the audit's rows
-- keep a name.
CREATE TABLE client_key (
    key_id          TEXT PRIMARY KEY,           -- random
    officer_id      TEXT NOT NULL REFERENCES officer,
    label           TEXT NOT NULL,              -- what the key is for
    scopes          INTEGER NOT NULL,           -- bits, lowest first: issue, look up, revoke codes, figures, officers, audit
    credential_hash BLOB NOT NULL UNIQUE,       -- SHA-256 of 32 random bytes
    created_at      INTEGER NOT NULL,           -- full hour
    active          INTEGER NOT NULL            -- 0 or 1
) STRICT, WITHOUT ROWID;

CREATE INDEX client_key_by_officer ON client_key (officer_id);

-- Every officer action, chained by hash. No code, token, key or credential. Life: for good.
CREATE TABLE audit (
    sequence   INTEGER PRIMARY KEY,             -- from 1, without gaps
    at         INTEGER NOT NULL,                -- full hour
    officer_id TEXT,                            -- who; NULL: whoever owns the machine
    key_id     TEXT,                            -- by which client key; NULL: from a browser or the machine
    action     TEXT NOT NULL,                   -- audit::Action::name
    unit_code  TEXT NOT NULL,                   -- on which unit
    subject    TEXT NOT NULL,                   -- to what: a slip's serial, an account, a region; may be empty
    hash       BLOB NOT NULL                    -- SHA-256 over the row before's and this row: audit::chain
) STRICT;

CREATE INDEX audit_by_unit ON audit (unit_code);
CREATE INDEX audit_by_officer ON audit (officer_id);

-- Rows are only ever added, behind the last one. Whoever owns the file can take these away: then the chain shows what they did.
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit only grows at its end'); END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is never deleted'); END;

-- Upload codes. Life: the retention after they expired.
CREATE TABLE upload_code (
    code_hash      BLOB PRIMARY KEY,            -- HMAC-SHA-256; the code itself is never stored
    serial         TEXT NOT NULL UNIQUE,        -- names the slip
    officer_id     TEXT NOT NULL REFERENCES officer,
    unit_code      TEXT NOT NULL REFERENCES unit,
    report_type    INTEGER NOT NULL,            -- 1 confirmed test, 2 clinical, 3 self-test
    first_day      INTEGER NOT NULL,            -- first UTC day whose keys may be uploaded
    issued_at      INTEGER NOT NULL,            -- full hour
    expires_at     INTEGER NOT NULL,            -- full hour
    revoked        INTEGER NOT NULL DEFAULT 0,  -- 0 or 1
    redeemed_at    INTEGER,                     -- full hour; NULL while not redeemed
    last_day       INTEGER,                     -- UTC day of redemption
    blinded_digest BLOB                         -- the one blinded nonce that may ask again; says nothing of the token
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_code_by_unit ON upload_code (unit_code, issued_at);

-- Spent tokens. Nothing ties them to a code. Life: until the token would have run out anyway.
CREATE TABLE spent_token (
    spend_id       BLOB PRIMARY KEY,            -- SHA-256 of nonce and metadata
    request_digest BLOB NOT NULL,               -- the one request that may come again: HMAC under the token, which is not kept
    last_day       INTEGER NOT NULL             -- from the token
) STRICT, WITHOUT ROWID;

-- Disclosed keys, without the report type, which nobody needs here. No time of arrival but the window; kept in the order of the secrets, which is random, so that not
-- even the order of rows tells which came together (the write-ahead log does until its next checkpoint). Life: the retention after their day, longer only while
-- not published.
CREATE TABLE disclosed_key (
    secret          BLOB NOT NULL,              -- bluezone 32, gaen 16 bytes a day; dp3t 32 bytes a slot
    region          TEXT NOT NULL,
    scheme          INTEGER NOT NULL,           -- 1 bluezone, 2 gaen, 3 dp3t
    day             INTEGER NOT NULL,           -- UTC day
    accepted_window INTEGER NOT NULL,           -- sequence number of the window that was open
    slots           BLOB NOT NULL,              -- bitmap of the slots this row adds to earlier ones of the same secret
    PRIMARY KEY (secret, region, scheme, day, accepted_window)
) STRICT, WITHOUT ROWID;

CREATE INDEX disclosed_key_by_window ON disclosed_key (region, accepted_window);
CREATE INDEX disclosed_key_by_day ON disclosed_key (day, region);

-- Windows that closed. Life: the retention after they closed, except each region's last (its number goes on).
CREATE TABLE publication (
    region             TEXT NOT NULL,
    sequence           INTEGER NOT NULL,        -- from 1, without gaps
    closed_at          INTEGER NOT NULL,        -- later than the one before
    slots_until        INTEGER NOT NULL,        -- slots that ended later wait for the next window; never goes back
    first_window_start INTEGER NOT NULL,        -- where the region's first window began
    salt               BLOB NOT NULL,           -- 16 bytes, drawn when closing
    padding_seed       BLOB NOT NULL,           -- 32 bytes
    key_id             BLOB NOT NULL,           -- 8 bytes: who signs
    codec              INTEGER NOT NULL,
    fingerprint_bits   INTEGER NOT NULL,
    pad_floor_tags     INTEGER NOT NULL,
    pad_step_tags      INTEGER NOT NULL,
    digest             BLOB,                    -- 32 bytes; NULL until published
    file_bytes         INTEGER,                 -- NULL until published
    tags               INTEGER,                 -- NULL until published
    PRIMARY KEY (region, sequence)
) STRICT, WITHOUT ROWID;

-- How many uploads a window took. Ties nothing to anything: each key's window is known anyway, and a phone has one key for a day, so that
-- counting the keys of a day says as much. Written with the upload; holds no time and no order. Life: as long as its window's publication.
CREATE TABLE upload_count (
    region   TEXT NOT NULL,
    sequence INTEGER NOT NULL,                  -- of the window, open or closed
    uploads  INTEGER NOT NULL,
    PRIMARY KEY (region, sequence)
) STRICT, WITHOUT ROWID;

-- Reports that units have sent. The figures are the server's own and not in here. Life: for good.
CREATE TABLE unit_report (
    kind       INTEGER NOT NULL,                -- 1 daily, 2 weekly
    day        INTEGER NOT NULL,                -- first day that it covers, by the local calendar
    unit_code  TEXT NOT NULL REFERENCES unit,
    sent_at    INTEGER NOT NULL,                -- full hour
    officer_id TEXT NOT NULL REFERENCES officer,
    PRIMARY KEY (kind, day, unit_code)
) STRICT, WITHOUT ROWID;
