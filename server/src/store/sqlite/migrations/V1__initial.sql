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

-- Open invitations, one an account. Life: until accepted, replaced or run out.
CREATE TABLE invitation (
    officer_id  TEXT PRIMARY KEY REFERENCES officer,
    ticket_hash BLOB NOT NULL UNIQUE,           -- SHA-256 of 32 random bytes; they are in the link alone
    expires_at  INTEGER NOT NULL                -- full hour
) STRICT, WITHOUT ROWID;

-- Invitations that are being accepted, one an account. Life: half an hour, or until the second factor is there.
CREATE TABLE enrolment (
    officer_id      TEXT PRIMARY KEY REFERENCES officer,
    ticket_hash     BLOB NOT NULL UNIQUE,       -- SHA-256 of 32 random bytes in a cookie
    invitation_hash BLOB NOT NULL,              -- whose ticket began it; of no use once that invitation is gone
    password_salt   BLOB NOT NULL,              -- as in password
    password_hash   BLOB NOT NULL,              -- as in password
    totp_sealed     BLOB NOT NULL,              -- as in totp; offered, not confirmed
    passkey_state   TEXT,                       -- JSON: the challenge that the next registration must answer
    expires_at      INTEGER NOT NULL            -- second
) STRICT, WITHOUT ROWID;

-- Passwords. Life: until the account is deactivated or accepts another invitation; so are the three tables after it.
CREATE TABLE password (
    officer_id    TEXT PRIMARY KEY REFERENCES officer,
    scheme        INTEGER NOT NULL DEFAULT 1,   -- 1: Argon2id, 19 MiB, 2 passes, 1 lane, keyed by keys/portal.key
    password_salt BLOB NOT NULL,                -- 16 random bytes
    password_hash BLOB NOT NULL                 -- 32 bytes
) STRICT, WITHOUT ROWID;

-- Secrets that authenticator apps share.
CREATE TABLE totp (
    officer_id  TEXT PRIMARY KEY REFERENCES officer,
    totp_sealed BLOB NOT NULL,                  -- 20 bytes under AES-256-GCM by keys/portal.key for this account: nonce (12), text, tag (16)
    last_step   INTEGER NOT NULL                -- the latest 30-second step whose code was used; none up to it is taken
) STRICT, WITHOUT ROWID;

-- Passkeys.
CREATE TABLE passkey (
    passkey_id    TEXT PRIMARY KEY,             -- random; names it in the audit
    officer_id    TEXT NOT NULL REFERENCES officer,
    credential_id BLOB NOT NULL UNIQUE,         -- what the authenticator calls it
    label         TEXT NOT NULL,                -- what its owner calls it
    state         TEXT NOT NULL,                -- JSON of webauthn-rs: public key, counter, flags; nothing secret
    created_at    INTEGER NOT NULL              -- full hour
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_by_officer ON passkey (officer_id);

-- Recovery codes that are left; one that is used is deleted.
CREATE TABLE recovery_code (
    officer_id TEXT NOT NULL REFERENCES officer,
    code_hash  BLOB NOT NULL,                   -- HMAC-SHA-256 by keys/portal.key over code and account
    PRIMARY KEY (officer_id, code_hash)
) STRICT, WITHOUT ROWID;

-- Accounts at the ministry's OpenID Connect provider. Life: as that of passwords.
CREATE TABLE oidc_identity (
    officer_id   TEXT PRIMARY KEY REFERENCES officer,
    issuer       TEXT NOT NULL,                 -- which provider
    subject_hash BLOB NOT NULL,                 -- HMAC-SHA-256 by keys/portal.key over issuer and subject: a subject may be a name
    UNIQUE (issuer, subject_hash)
) STRICT, WITHOUT ROWID;

-- Who has shown a password and owes the second factor; up to eight an account from browsers that it knows and eight from others. Life: five minutes, or until it is shown.
CREATE TABLE pending_sign_in (
    ticket_hash   BLOB PRIMARY KEY,             -- SHA-256 of 32 random bytes in a cookie
    officer_id    TEXT NOT NULL REFERENCES officer,
    passkey_state TEXT,                         -- JSON: the challenge that the next answer must sign; used once
    known_device  INTEGER NOT NULL,             -- 0 or 1: from a browser that the account has signed in from before
    tries_left    INTEGER NOT NULL,             -- of the second factor
    expires_at    INTEGER NOT NULL              -- second
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_sign_in_by_officer ON pending_sign_in (officer_id, known_device, expires_at);

-- Browsers that are signed in, up to sixteen an account. Life: session_idle_minutes after the last use, session_hours after the
-- first, or until ended.
CREATE TABLE session (
    ticket_hash  BLOB PRIMARY KEY,              -- SHA-256 of 32 random bytes in a cookie
    session_id   TEXT NOT NULL UNIQUE,          -- random; names it in lists and in the audit
    officer_id   TEXT NOT NULL REFERENCES officer,
    created_at   INTEGER NOT NULL,              -- second
    last_seen_at INTEGER NOT NULL               -- second; written once a minute at most
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_officer ON session (officer_id, last_seen_at);

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

-- When an account last signed in, without a look at all that was ever done.
CREATE INDEX audit_of_sign_ins ON audit (officer_id, at) WHERE action = 'signed-in';

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
    report_type    INTEGER NOT NULL,            -- 1 confirmed test, 2 clinical, 3 self-test, 4 withdrawal
    first_day      INTEGER NOT NULL,            -- first UTC day whose keys may be uploaded
    region         TEXT NOT NULL,               -- where the case's phone publishes unless told otherwise; stays out of the token
    issued_at      INTEGER NOT NULL,            -- full hour
    expires_at     INTEGER NOT NULL,            -- full hour
    revoked        INTEGER NOT NULL DEFAULT 0,  -- 0 or 1
    redeemed_at    INTEGER,                     -- full hour; NULL while not redeemed
    last_day       INTEGER,                     -- UTC day of redemption
    blinded_digest BLOB                         -- the one blinded nonce that may ask again; says nothing of the token
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_code_by_unit ON upload_code (unit_code, issued_at);
CREATE INDEX upload_code_by_officer ON upload_code (officer_id, issued_at);

-- Lists of codes to issue, as officers brought them, without the lines that could not be read. Life: the retention after a sheet was last
-- issued or, while none was, after the list came: until then its codes can be replaced.
CREATE TABLE code_import (
    import_id  TEXT PRIMARY KEY,                -- random
    officer_id TEXT NOT NULL REFERENCES officer, -- who brought it
    unit_code  TEXT NOT NULL REFERENCES unit,   -- for which unit
    created_at INTEGER NOT NULL,                -- full hour
    used_at    INTEGER NOT NULL                 -- full hour in which it came or a sheet was last issued
) STRICT, WITHOUT ROWID;

CREATE INDEX code_import_by_unit ON code_import (unit_code, created_at);

-- Their lines, which say what a code says and nothing else. Life: their list's.
CREATE TABLE code_import_line (
    import_id   TEXT NOT NULL REFERENCES code_import,
    sheet       INTEGER NOT NULL,               -- from 1: lines that are issued at once
    line        INTEGER NOT NULL,               -- where it stood in the file
    report_type INTEGER NOT NULL,               -- as in upload_code
    onset_day   INTEGER NOT NULL,               -- UTC day of first symptoms or of the test
    region      TEXT NOT NULL,                  -- as in upload_code
    serial      TEXT,                           -- of the slip in force; NULL until issued. Its code may be forgotten earlier
    PRIMARY KEY (import_id, sheet, line)
) STRICT, WITHOUT ROWID;

-- Spent tokens. Nothing ties them to a code, nor says what they paid for; their places in the file tell nothing once a window was published
-- after them: see arrival.rs. Life: until the token would have run out anyway.
CREATE TABLE spent_token (
    spend_id       BLOB PRIMARY KEY,            -- SHA-256 of nonce and metadata
    request_digest BLOB NOT NULL,               -- the one request that may come again: HMAC under the token, which is not kept
    last_day       INTEGER NOT NULL             -- from the token
) STRICT, WITHOUT ROWID;

-- Disclosed keys of windows that are not published yet, without the report type, which nobody needs here. No time of arrival but the window; kept in the order of
-- the proofs, which is random, so that not even the order of rows tells which came together. Their places in the file and the write-ahead log do until their window
-- is published: see arrival.rs. Apart from those below, and without an index, because every upload writes here: a key then costs one page. Life: until their window
-- is published; if it never is, twice the retention after their day.
CREATE TABLE fresh_key (
    proof           BLOB NOT NULL,              -- of the secret: what a receipt names it by (crypto/src/receipt.rs)
    secret          BLOB NOT NULL,              -- bluezone 32, gaen 16 bytes a day; dp3t 32 bytes a slot
    region          TEXT NOT NULL,
    scheme          INTEGER NOT NULL,           -- 1 bluezone, 2 gaen, 3 dp3t
    day             INTEGER NOT NULL,           -- UTC day
    accepted_window INTEGER NOT NULL,           -- sequence number of the window that was open
    slots           BLOB NOT NULL,              -- bitmap of the slots this row adds to earlier ones of the same secret
    PRIMARY KEY (proof, region, scheme, day, accepted_window)
) STRICT, WITHOUT ROWID;

-- Those whose window is published, by day: so they go, and so a window finds what was too young for the one before. Life: the retention after their day; slots
-- that are taken back, until they are.
CREATE TABLE settled_key (
    proof           BLOB NOT NULL,              -- this and the others: as in fresh_key
    secret          BLOB NOT NULL,
    region          TEXT NOT NULL,
    scheme          INTEGER NOT NULL,
    day             INTEGER NOT NULL,
    accepted_window INTEGER NOT NULL,
    slots           BLOB NOT NULL,
    PRIMARY KEY (day, region, scheme, proof, accepted_window)
) STRICT, WITHOUT ROWID;

-- All of them, for whoever reads.
CREATE VIEW disclosed_key AS
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM fresh_key
UNION ALL
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM settled_key;

-- Slots that a window had taken when they were taken back: what the next withdrawal batch is made from. Slots that no window had taken leave no trace. In the
-- order of the proofs, and without a time but the window, like the table before. Life: until their withdrawal is published (hours); if it never is, twice the
-- retention after their day.
CREATE TABLE withdrawn_key (
    proof            BLOB NOT NULL,             -- this and the next five: the row of disclosed_key that they were in
    secret           BLOB NOT NULL,
    region           TEXT NOT NULL,
    scheme           INTEGER NOT NULL,
    day              INTEGER NOT NULL,
    accepted_window  INTEGER NOT NULL,
    withdrawn_window INTEGER NOT NULL,          -- sequence number of the window that was open when they were taken back
    slots            BLOB NOT NULL,             -- bitmap of the slots taken back
    PRIMARY KEY (proof, region, scheme, day, accepted_window, withdrawn_window)
) STRICT, WITHOUT ROWID;

CREATE INDEX withdrawn_key_by_window ON withdrawn_key (region, withdrawn_window);

-- The files of windows that closed: a delta, and where slots were taken back a withdrawal right after it. Life: the retention after they closed, except each
-- region's last (its number goes on).
CREATE TABLE publication (
    region             TEXT NOT NULL,
    sequence           INTEGER NOT NULL,        -- from 1, without gaps; a window is named by its delta's
    kind               INTEGER NOT NULL,        -- 1 delta, 3 withdrawal
    window_start       INTEGER NOT NULL,        -- when the window before closed
    closed_at          INTEGER NOT NULL,        -- later than the window before
    slots_until        INTEGER NOT NULL,        -- slots that ended later wait for the next window; never goes back
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
