-- The sinks that follow topics into the store, so that they share the partitions.
--
-- Locks: a new table only. Down drops it.

-- +goose Up
CREATE TABLE trace_sinks (
    -- Made anew with each run.
    sink    uuid                NOT NULL PRIMARY KEY,
    topics  text[] COLLATE "C"  NOT NULL,
    -- It follows them until then, and has gone if it does not say so anew before.
    until   timestamptz         NOT NULL
);

-- +goose Down
DROP TABLE trace_sinks;
