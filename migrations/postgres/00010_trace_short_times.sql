-- Nothing: PostgreSQL's times are short. The file is here so that both dialects have the same numbers.
--
-- Locks: none that anything waits for.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;
