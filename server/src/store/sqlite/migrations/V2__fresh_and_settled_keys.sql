-- Disclosed keys stand in two tables from here on: one that uploads write to, one that publications and retention read.

-- Those of windows that are not published yet, without the report type, which nobody needs here. No time of arrival but the window; kept in the order of the
-- proofs, which is random, so that not even the order of rows tells which came together. Their places in the file and the write-ahead log do until their window
-- is published: see arrival.rs. Without an index, because every upload writes here: a key then costs one page. Life: until their window is published; if it never
-- is, twice the retention after their day.
CREATE TABLE fresh_key (
    proof           BLOB NOT NULL,              -- of the secret: what a receipt names it by (crypto/src/receipt.rs)
    secret          BLOB NOT NULL,              -- bluezone 32, gaen 16 bytes a day; dp3t 32 bytes a slot
    region          TEXT NOT NULL,
    scheme          INTEGER NOT NULL,
    day             INTEGER NOT NULL,
    accepted_window INTEGER NOT NULL,           -- the window that was open when it came
    slots           BLOB NOT NULL,              -- bitmap of the slots to publish that came in this window
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

INSERT INTO settled_key (proof, secret, region, scheme, day, accepted_window, slots)
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM disclosed_key
WHERE EXISTS (
    SELECT 1 FROM publication
    WHERE publication.region = disclosed_key.region AND sequence = accepted_window AND digest IS NOT NULL
)
ORDER BY day, region, scheme, proof;

INSERT INTO fresh_key (proof, secret, region, scheme, day, accepted_window, slots)
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM disclosed_key
WHERE NOT EXISTS (
    SELECT 1 FROM publication
    WHERE publication.region = disclosed_key.region AND sequence = accepted_window AND digest IS NOT NULL
)
ORDER BY proof;

DROP TABLE disclosed_key;

-- All of them, for whoever reads.
CREATE VIEW disclosed_key AS
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM fresh_key
UNION ALL
SELECT proof, secret, region, scheme, day, accepted_window, slots FROM settled_key;
