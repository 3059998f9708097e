-- Everything a phone keeps. Times are Unix seconds unless the column says otherwise; "retention" is Config.retention_days
-- (14 until a configuration was fetched), counted from a time that a signature confirms (clock.rs). No column holds a
-- heard ID, a place or a name.

-- One row: what this file is for.
CREATE TABLE phone (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    scheme INTEGER NOT NULL                         -- scheme byte; a file never changes its scheme
) STRICT;

-- What was heard. Lifetime: retention. Ordered by time, so that purging and adding touch neighbouring pages.
CREATE TABLE sighting (
    bin      INTEGER NOT NULL,                      -- five-minute intervals since 1970: no finer time is kept
    tag      BLOB NOT NULL CHECK (length(tag) = 16),
    rssi_dbm INTEGER NOT NULL,                      -- strongest of the bin
    PRIMARY KEY (bin, tag)
) STRICT, WITHOUT ROWID;

-- Own secrets, scheme bluezone. Each serves the days from its own up to the next row's. One row, but for clocks that were
-- set back. The oldest moves forward with the retention, so earlier days cannot be derived.
CREATE TABLE base_id (
    base_day INTEGER PRIMARY KEY,                   -- UTC days since 1970 whose daily key `secret` is
    secret   BLOB NOT NULL CHECK (length(secret) = 32)
) STRICT;

-- Own secrets, schemes gaen and dp3t. One row for each day the phone was on. Lifetime: retention.
CREATE TABLE day_secret (
    day    INTEGER PRIMARY KEY,                     -- UTC days since 1970
    secret BLOB NOT NULL                            -- gaen: 16 bytes; dp3t: 96 seeds of 32 bytes
) STRICT;

-- The configuration in force. One row at most.
CREATE TABLE config (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    payload    BLOB NOT NULL,                       -- serialized Config; its signature was checked before it came here
    fetched_at INTEGER NOT NULL
) STRICT;

-- How far each region was followed. One row for each region ever synced.
CREATE TABLE region (
    region         TEXT PRIMARY KEY,
    last_sequence  INTEGER NOT NULL,                -- last batch matched; 0 before the first
    last_digest    BLOB CHECK (length(last_digest) = 32), -- its SHA-256; NULL before the first
    last_closed_at INTEGER,                         -- when it closed to uploads; NULL before the first
    generated_at   INTEGER NOT NULL,                -- of the newest index seen
    valid_until    INTEGER NOT NULL,                -- of the newest index seen
    etag           TEXT                             -- of that index (its SHA-256), once all of its batches are matched; else NULL
) STRICT, WITHOUT ROWID;

-- Sightings that matched a batch; a row for each region that published them, so that one's withdrawal does not take
-- back what another still says. Lifetime: retention, counted from the sighting.
CREATE TABLE match (
    bin      INTEGER NOT NULL,                      -- as in sighting
    tag      BLOB NOT NULL CHECK (length(tag) = 16),
    rssi_dbm INTEGER NOT NULL,                      -- as in sighting
    region   TEXT NOT NULL,                         -- of the batch that matched
    PRIMARY KEY (bin, tag, region)
) STRICT, WITHOUT ROWID;

-- What the owner was told of a local day. Lifetime: retention.
CREATE TABLE told (
    day     INTEGER PRIMARY KEY,                    -- local days since 1970, by the rule's offset
    exposed INTEGER NOT NULL                        -- 1: an exposure; 0: no longer one
) STRICT;

-- What this phone disclosed, to take it back by: proofs of the secrets, which are not here. Lifetime: retention after their
-- day, or until taken back.
CREATE TABLE receipt (
    upload INTEGER NOT NULL,                        -- which upload: the highest number is the last
    day    INTEGER NOT NULL,                        -- UTC days since 1970
    region TEXT NOT NULL,                           -- where it was published
    proof  BLOB NOT NULL,                           -- bluezone: 32 bytes; gaen: 16; dp3t: 32 for each slot set
    slots  BLOB NOT NULL,                           -- bitmap of the slots disclosed
    PRIMARY KEY (upload, day)
) STRICT, WITHOUT ROWID;

-- An upload or a withdrawal on its way. One row at most. Lifetime: until the server took it, refused it for good, or the person gave up.
CREATE TABLE pending_upload (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    upload_code TEXT NOT NULL,
    withdraws   INTEGER NOT NULL,                   -- 1: takes the last upload back; 0: discloses
    region      TEXT,                               -- as the person chose, or of the receipt; NULL: as the officer says, then that
    left_out    BLOB NOT NULL,                      -- what the person leaves out: (from, until) as i64 BE each, repeated
    blinding    BLOB NOT NULL,                      -- nonce, blind, element: 96 bytes
    token       BLOB,                               -- serialized UploadToken; NULL until the code is redeemed
    request     BLOB                                -- serialized UploadRequest, sent as it is on every try; NULL until built
) STRICT;
