-- Which server may publish: of two that were started on one file by mistake, one does. Life: for good.
CREATE TABLE lease (
    name       TEXT PRIMARY KEY,                -- what it is for
    holder     TEXT NOT NULL,                   -- random, of a server's data folder
    fencing    INTEGER NOT NULL,                -- grows with every grant: what an earlier holder still wants to write is refused by it
    expires_at REAL NOT NULL                    -- Unix seconds, by the machine's clock
) STRICT, WITHOUT ROWID;
