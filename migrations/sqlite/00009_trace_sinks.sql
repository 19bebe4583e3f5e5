-- The sinks that follow topics into the store, so that they share the partitions.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on.

-- +goose Up
CREATE TABLE trace_sinks (
    -- Made anew with each run.
    sink   text    NOT NULL PRIMARY KEY,
    -- A JSON array.
    topics text    NOT NULL,
    -- It follows them until then, milliseconds of Unix, and has gone if it does not say so anew before.
    until  integer NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE trace_sinks;
