-- Nothing: SQLite has no partitions, and what is older than is to be kept is deleted in small transactions. The file is here so that
-- both dialects have the same numbers.
--
-- Locks: none that anything waits for.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;
