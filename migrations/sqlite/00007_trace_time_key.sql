-- A record that is too large to be kept has its size.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on. Down rewrites the table to
-- drop the column with what is in it.

-- +goose Up
-- How many bytes the record's value has, where that were too many to be kept; null: it is kept.
ALTER TABLE event_logs ADD COLUMN value_bytes integer;

-- +goose Down
ALTER TABLE event_logs DROP COLUMN value_bytes;
