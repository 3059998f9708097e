-- Times are Unix seconds, days are days since 1970-01-01. "Life" is when retention deletes a row. Numbers are all of one width, texts are all
-- compared by their bytes, as SQLite does, whatever the database was made with: lists come in the same order from either.

-- Administrative units. Life: for good.
CREATE TABLE unit (
    unit_code   TEXT COLLATE "C" PRIMARY KEY,     -- official code
    name        TEXT COLLATE "C" NOT NULL,
    parent_code TEXT COLLATE "C" REFERENCES unit, -- NULL: the country
    listed      BOOLEAN NOT NULL,                 -- out of a list of units; not so the country, and what officers added
    closed      BOOLEAN NOT NULL                  -- the list no longer has it; keeps its past, gets no officers, codes or sub-units
);

CREATE INDEX unit_by_parent ON unit (parent_code);

INSERT INTO unit VALUES ('VN', 'Việt Nam', NULL, FALSE, FALSE);

-- Which list of units was loaded last. Life: until the next one.
CREATE TABLE unit_list (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    digest BYTEA NOT NULL -- SHA-256 of the list's text
);

-- Officers' accounts. Life: for good; deactivated ones stay, so that their codes keep an issuer.
CREATE TABLE officer (
    officer_id      TEXT COLLATE "C" PRIMARY KEY, -- random
    label           TEXT COLLATE "C" NOT NULL,    -- what the unit calls the account; not a person's name
    unit_code       TEXT COLLATE "C" NOT NULL REFERENCES unit,
    role            BIGINT NOT NULL,              -- 1 officer, 2 supervisor, 3 administrator, 4 auditor
    active          BOOLEAN NOT NULL,
    UNIQUE (unit_code, label)
);

-- Bearer credentials of accounts, for hospital systems and the command line. Life: for good; revoked ones stay, so that the audit's rows
-- keep a name.
CREATE TABLE client_key (
    key_id          TEXT COLLATE "C" PRIMARY KEY, -- random
    officer_id      TEXT COLLATE "C" NOT NULL REFERENCES officer,
    label           TEXT COLLATE "C" NOT NULL,    -- what the key is for
    scopes          BIGINT NOT NULL,              -- bits, lowest first: issue, look up, revoke codes, figures, officers, audit
    credential_hash BYTEA NOT NULL UNIQUE,        -- SHA-256 of 32 random bytes
    created_at      BIGINT NOT NULL,              -- full hour
    active          BOOLEAN NOT NULL
);

CREATE INDEX client_key_by_officer ON client_key (officer_id);

-- Open invitations, one an account. Life: until accepted, replaced or run out.
CREATE TABLE invitation (
    officer_id  TEXT COLLATE "C" PRIMARY KEY REFERENCES officer,
    ticket_hash BYTEA NOT NULL UNIQUE, -- SHA-256 of 32 random bytes; they are in the link alone
    expires_at  BIGINT NOT NULL        -- full hour
);

-- Invitations that are being accepted, one an account. Life: half an hour, or until the second factor is there.
CREATE TABLE enrolment (
    officer_id      TEXT COLLATE "C" PRIMARY KEY REFERENCES officer,
    ticket_hash     BYTEA NOT NULL UNIQUE, -- SHA-256 of 32 random bytes in a cookie
    invitation_hash BYTEA NOT NULL,        -- whose ticket began it; of no use once that invitation is gone
    password_salt   BYTEA NOT NULL,        -- as in password
    password_hash   BYTEA NOT NULL,        -- as in password
    totp_sealed     BYTEA NOT NULL,        -- as in totp; offered, not confirmed
    passkey_state   TEXT COLLATE "C",      -- JSON: the challenge that the next registration must answer
    expires_at      BIGINT NOT NULL        -- second
);

-- Passwords. Life: until the account is deactivated or accepts another invitation; so are the three tables after it.
CREATE TABLE password (
    officer_id    TEXT COLLATE "C" PRIMARY KEY REFERENCES officer,
    scheme        BIGINT NOT NULL DEFAULT 1, -- 1: Argon2id, 19 MiB, 2 passes, 1 lane, keyed by keys/portal.key
    password_salt BYTEA NOT NULL,            -- 16 random bytes
    password_hash BYTEA NOT NULL             -- 32 bytes
);

-- Secrets that authenticator apps share.
CREATE TABLE totp (
    officer_id  TEXT COLLATE "C" PRIMARY KEY REFERENCES officer,
    totp_sealed BYTEA NOT NULL, -- 20 bytes under AES-256-GCM by keys/portal.key for this account: nonce (12), text, tag (16)
    last_step   BIGINT NOT NULL -- the latest 30-second step whose code was used; none up to it is taken
);

-- Passkeys.
CREATE TABLE passkey (
    passkey_id    TEXT COLLATE "C" PRIMARY KEY, -- random; names it in the audit
    officer_id    TEXT COLLATE "C" NOT NULL REFERENCES officer,
    credential_id BYTEA NOT NULL UNIQUE,        -- what the authenticator calls it
    label         TEXT COLLATE "C" NOT NULL,    -- what its owner calls it
    state         TEXT COLLATE "C" NOT NULL,    -- JSON of webauthn-rs: public key, counter, flags; nothing secret
    created_at    BIGINT NOT NULL               -- full hour
);

CREATE INDEX passkey_by_officer ON passkey (officer_id);

-- Recovery codes that are left; one that is used is deleted.
CREATE TABLE recovery_code (
    officer_id TEXT COLLATE "C" NOT NULL REFERENCES officer,
    code_hash  BYTEA NOT NULL, -- HMAC-SHA-256 by keys/portal.key over code and account
    PRIMARY KEY (officer_id, code_hash)
);

-- Accounts at the ministry's OpenID Connect provider. Life: as that of passwords.
CREATE TABLE oidc_identity (
    officer_id   TEXT COLLATE "C" PRIMARY KEY REFERENCES officer,
    issuer       TEXT COLLATE "C" NOT NULL, -- which provider
    subject_hash BYTEA NOT NULL,            -- HMAC-SHA-256 by keys/portal.key over issuer and subject: a subject may be a name
    UNIQUE (issuer, subject_hash)
);

-- Who has shown a password and owes the second factor; up to eight an account from browsers that it knows and eight from others. Life: five minutes, or until it is shown.
CREATE TABLE pending_sign_in (
    ticket_hash   BYTEA PRIMARY KEY, -- SHA-256 of 32 random bytes in a cookie
    officer_id    TEXT COLLATE "C" NOT NULL REFERENCES officer,
    passkey_state TEXT COLLATE "C",  -- JSON: the challenge that the next answer must sign; used once
    known_device  BOOLEAN NOT NULL,  -- from a browser that the account has signed in from before
    tries_left    BIGINT NOT NULL,   -- of the second factor
    expires_at    BIGINT NOT NULL    -- second
);

CREATE INDEX pending_sign_in_by_officer ON pending_sign_in (officer_id, known_device, expires_at);

-- Browsers that are signed in, up to sixteen an account. Life: session_idle_minutes after the last use, session_hours after the
-- first, or until ended.
CREATE TABLE session (
    ticket_hash  BYTEA PRIMARY KEY,                -- SHA-256 of 32 random bytes in a cookie
    session_id   TEXT COLLATE "C" NOT NULL UNIQUE, -- random; names it in lists and in the audit
    officer_id   TEXT COLLATE "C" NOT NULL REFERENCES officer,
    created_at   BIGINT NOT NULL,                  -- second
    last_seen_at BIGINT NOT NULL                   -- second; written once a minute at most
);

CREATE INDEX session_by_officer ON session (officer_id, last_seen_at);

-- Every officer action, chained by hash. No code, token, key or credential. Life: for good.
CREATE TABLE audit (
    sequence   BIGINT PRIMARY KEY,        -- from 1, without gaps
    at         BIGINT NOT NULL,           -- full hour
    officer_id TEXT COLLATE "C",          -- who; NULL: whoever owns the machine
    key_id     TEXT COLLATE "C",          -- by which client key; NULL: from a browser or the machine
    action     TEXT COLLATE "C" NOT NULL, -- audit::Action::name
    unit_code  TEXT COLLATE "C" NOT NULL, -- on which unit
    subject    TEXT COLLATE "C" NOT NULL, -- to what: a slip's serial, an account, a region; may be empty
    hash       BYTEA NOT NULL             -- SHA-256 over the row before's and this row: audit::chain
);

-- When an account last signed in, without a look at all that was ever done.
CREATE INDEX audit_of_sign_ins ON audit (officer_id, at) WHERE action = 'signed-in';

CREATE INDEX audit_by_unit ON audit (unit_code);
CREATE INDEX audit_by_officer ON audit (officer_id);

-- Rows are only ever added, behind the last one. Whoever owns the database can take these away: then the chain shows what they did.
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'the audit is never changed';
    END IF;
    IF NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) THEN
        RAISE EXCEPTION 'the audit only grows at its end' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_only_grows BEFORE INSERT OR UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE FUNCTION audit_is_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is never changed';
END $$;
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_not_emptied();

-- Upload codes. Life: the retention after they expired.
CREATE TABLE upload_code (
    code_hash      BYTEA PRIMARY KEY,                -- HMAC-SHA-256; the code itself is never stored
    serial         TEXT COLLATE "C" NOT NULL UNIQUE, -- names the slip
    officer_id     TEXT COLLATE "C" NOT NULL REFERENCES officer,
    unit_code      TEXT COLLATE "C" NOT NULL REFERENCES unit,
    report_type    BIGINT NOT NULL,                  -- 1 confirmed test, 2 clinical, 3 self-test, 4 withdrawal
    first_day      BIGINT NOT NULL,                  -- first UTC day whose keys may be uploaded
    region         TEXT COLLATE "C" NOT NULL,        -- where the case's phone publishes unless told otherwise; stays out of the token
    issued_at      BIGINT NOT NULL,                  -- full hour
    expires_at     BIGINT NOT NULL,                  -- full hour
    revoked        BOOLEAN NOT NULL DEFAULT FALSE,
    redeemed_at    BIGINT,                           -- full hour; NULL while not redeemed
    last_day       BIGINT,                           -- UTC day of redemption
    blinded_digest BYTEA                             -- the one blinded nonce that may ask again; says nothing of the token
);

CREATE INDEX upload_code_by_unit ON upload_code (unit_code, issued_at);
CREATE INDEX upload_code_by_officer ON upload_code (officer_id, issued_at);

-- Lists of codes to issue, as officers brought them, without the lines that could not be read. Life: the retention after a sheet was last
-- issued or, while none was, after the list came: until then its codes can be replaced.
CREATE TABLE code_import (
    import_id  TEXT COLLATE "C" PRIMARY KEY,                 -- random
    officer_id TEXT COLLATE "C" NOT NULL REFERENCES officer, -- who brought it
    unit_code  TEXT COLLATE "C" NOT NULL REFERENCES unit,    -- for which unit
    created_at BIGINT NOT NULL,                              -- full hour
    used_at    BIGINT NOT NULL                               -- full hour in which it came or a sheet was last issued
);

CREATE INDEX code_import_by_unit ON code_import (unit_code, created_at);

-- Their lines, which say what a code says and nothing else. Life: their list's.
CREATE TABLE code_import_line (
    import_id   TEXT COLLATE "C" NOT NULL REFERENCES code_import,
    sheet       BIGINT NOT NULL,           -- from 1: lines that are issued at once
    line        BIGINT NOT NULL,           -- where it stood in the file
    report_type BIGINT NOT NULL,           -- as in upload_code
    onset_day   BIGINT NOT NULL,           -- UTC day of first symptoms or of the test
    region      TEXT COLLATE "C" NOT NULL, -- as in upload_code
    serial      TEXT COLLATE "C",          -- of the slip in force; NULL until issued. Its code may be forgotten earlier
    PRIMARY KEY (import_id, sheet, line)
);

-- Spent tokens. Nothing ties them to a code, nor says what they paid for. Which rows were written together, and in which order, the database
-- remembers (xmin, ctid) until a window is published after them: see arrival.rs. Life: until the token would have run out anyway.
CREATE TABLE spent_token (
    spend_id       BYTEA PRIMARY KEY, -- SHA-256 of nonce and metadata
    request_digest BYTEA NOT NULL,    -- the one request that may come again: HMAC under the token, which is not kept
    last_day       BIGINT NOT NULL,   -- from the token
    fresh          BOOLEAN NOT NULL   -- no window was published since
);

CREATE INDEX spent_token_fresh ON spent_token (spend_id) WHERE fresh;

-- Disclosed keys of windows that are not published yet, without the report type, which nobody needs here. No time of arrival but the window. Which
-- came together, the database remembers (xmin, ctid) until their window is published: see arrival.rs. Life: until then; if it never is, twice the
-- retention after their day.
CREATE TABLE fresh_key (
    proof           BYTEA NOT NULL,  -- of the secret: what a receipt names it by (crypto/src/receipt.rs)
    secret          BYTEA NOT NULL,  -- bluezone 32, gaen 16 bytes a day; dp3t 32 bytes a slot
    region          TEXT COLLATE "C" NOT NULL,
    scheme          BIGINT NOT NULL,
    day             BIGINT NOT NULL,
    accepted_window BIGINT NOT NULL, -- the window that was open when it came
    slots           BYTEA NOT NULL,  -- bitmap of the slots to publish that came in this window
    PRIMARY KEY (proof, region, scheme, day, accepted_window)
);

-- Those whose window is published, by day: so they go, and so a window finds what was too young for the one before. Life: the retention after their day; slots
-- that are taken back, until they are.
CREATE TABLE settled_key (
    proof           BYTEA NOT NULL, -- this and the others: as in fresh_key
    secret          BYTEA NOT NULL,
    region          TEXT COLLATE "C" NOT NULL,
    scheme          BIGINT NOT NULL,
    day             BIGINT NOT NULL,
    accepted_window BIGINT NOT NULL,
    slots           BYTEA NOT NULL,
    PRIMARY KEY (day, region, scheme, proof, accepted_window)
);

-- All of them, for whoever reads.
CREATE VIEW disclosed_key AS
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM fresh_key
UNION ALL
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM settled_key;

-- Slots that a window had taken when they were taken back: what the next withdrawal batch is made from. Slots that no window had taken leave no trace. In the
-- order of the proofs, and without a time but the window, like the table before. Life: until their withdrawal is published (hours); if it never is, twice the
-- retention after their day.
CREATE TABLE withdrawn_key (
    proof            BYTEA NOT NULL,  -- this and the next five: the row of disclosed_key that they were in
    secret           BYTEA NOT NULL,
    region           TEXT COLLATE "C" NOT NULL,
    scheme           BIGINT NOT NULL,
    day              BIGINT NOT NULL,
    accepted_window  BIGINT NOT NULL,
    withdrawn_window BIGINT NOT NULL, -- sequence number of the window that was open when they were taken back
    slots            BYTEA NOT NULL,  -- bitmap of the slots taken back
    PRIMARY KEY (proof, region, scheme, day, accepted_window, withdrawn_window)
);

CREATE INDEX withdrawn_key_by_window ON withdrawn_key (region, withdrawn_window);

-- The files of windows that closed: a delta, and where slots were taken back a withdrawal right after it. Life: the retention after they closed, except each
-- region's last (its number goes on).
CREATE TABLE publication (
    region             TEXT COLLATE "C" NOT NULL,
    sequence           BIGINT NOT NULL, -- from 1, without gaps; a window is named by its delta's
    kind               BIGINT NOT NULL, -- 1 delta, 3 withdrawal
    window_start       BIGINT NOT NULL, -- when the window before closed
    closed_at          BIGINT NOT NULL, -- later than the window before
    slots_until        BIGINT NOT NULL, -- slots that ended later wait for the next window; never goes back
    salt               BYTEA NOT NULL,  -- 16 bytes, drawn when closing
    padding_seed       BYTEA NOT NULL,  -- 32 bytes
    key_id             BYTEA NOT NULL,  -- 8 bytes: who signs
    codec              BIGINT NOT NULL,
    fingerprint_bits   BIGINT NOT NULL,
    pad_floor_tags     BIGINT NOT NULL,
    pad_step_tags      BIGINT NOT NULL,
    digest             BYTEA,           -- 32 bytes; NULL until published
    file_bytes         BIGINT,          -- NULL until published
    tags               BIGINT,          -- NULL until published
    PRIMARY KEY (region, sequence)
);

-- The window of each region that takes uploads, once for each of its gates: see gate.rs. Life: for good.
CREATE TABLE open_window (
    region   TEXT COLLATE "C" NOT NULL,
    gate     BIGINT NOT NULL, -- from 1
    sequence BIGINT NOT NULL, -- one more than the region's last publication
    PRIMARY KEY (region, gate)
);

-- How many uploads a window took. Ties nothing to anything: each key's window is known anyway, and a phone has one key for a day, so that
-- counting the keys of a day says as much. Written with the upload; holds no time and no order. Life: as long as its window's publication.
CREATE TABLE upload_count (
    region   TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,           -- of the window, open or closed
    writer   TEXT COLLATE "C" NOT NULL, -- random, of a server's run: each counts on its own, none waits for another
    uploads  BIGINT NOT NULL,
    PRIMARY KEY (region, sequence, writer)
);

-- What all servers on this database must have in common. Life: for good.
CREATE TABLE deployment (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    fingerprint BYTEA NOT NULL -- of the keys of codes, tokens and sign-ins: Keys::fingerprint
);

-- Which server may publish. Life: for good.
CREATE TABLE lease (
    name       TEXT COLLATE "C" PRIMARY KEY, -- what it is for
    holder     TEXT COLLATE "C" NOT NULL,    -- random, of a server's run
    fencing    BIGINT NOT NULL,              -- grows with every grant: what an earlier holder still wants to write is refused by it
    expires_at DOUBLE PRECISION NOT NULL     -- by the database's clock, the only one that all servers see
);

-- Reports that units have sent. The figures are the server's own and not in here. Life: for good.
CREATE TABLE unit_report (
    kind       BIGINT NOT NULL, -- 1 daily, 2 weekly
    day        BIGINT NOT NULL, -- first day that it covers, by the local calendar
    unit_code  TEXT COLLATE "C" NOT NULL REFERENCES unit,
    sent_at    BIGINT NOT NULL, -- full hour
    officer_id TEXT COLLATE "C" NOT NULL REFERENCES officer,
    PRIMARY KEY (kind, day, unit_code)
);
