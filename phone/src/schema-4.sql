-- What version 4 of the schema added.

-- When the next decoy is due. One row, once there is a configuration. Lifetime: until it is sent; then the next one's.
CREATE TABLE decoy (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    due_at   INTEGER NOT NULL,                      -- drawn at random
    per_week INTEGER NOT NULL                       -- rate of the configuration that it was drawn by
) STRICT;
