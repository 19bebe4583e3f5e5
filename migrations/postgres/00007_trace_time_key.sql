-- The record's time becomes part of what tells traced records apart, as what is partitioned by it needs it; a record that is too large
-- to be kept has its size. This prepares the next migration, beside readers and writers, so that that one is short.
--
-- Locks: ACCESS EXCLUSIVE on event_logs for moments, to add a column (no row is rewritten), a check, and to exchange the key. The
-- new key's index is built, and the check read through, beside readers and writers; both wait for transactions that were open before.
-- Records whose times are more than two days ahead are put aside, and are not found until the next migration is done. A tracer of the
-- version before waits when it reads such a record, or one again that is stored, until it is replaced. Down takes ACCESS EXCLUSIVE
-- while it builds the old key, and drops the rows of places that are there at several times but one: the old key has no place for them.

-- +goose NO TRANSACTION
-- +goose Up
-- How many bytes the record's value has, where that were too many to be kept; null: it is kept.
ALTER TABLE event_logs ADD COLUMN IF NOT EXISTS value_bytes bigint;

-- An earlier attempt may have left one that is not complete.
DROP INDEX CONCURRENTLY IF EXISTS event_logs_place;
CREATE UNIQUE INDEX CONCURRENTLY event_logs_place ON event_logs (topic, topic_id, "partition", "offset", log_time);
ALTER TABLE event_logs DROP CONSTRAINT event_logs_pkey, ADD CONSTRAINT event_logs_pkey PRIMARY KEY USING INDEX event_logs_place;

-- What is stored so far becomes the partition of all times before this one.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'event_logs'::regclass AND conname = 'event_logs_before') THEN
        EXECUTE format('ALTER TABLE event_logs ADD CONSTRAINT event_logs_before CHECK (log_time < %L) NOT VALID',
            to_char(date_trunc('day', now() AT TIME ZONE 'UTC') + interval '2 days', 'YYYY-MM-DD') || ' 00:00:00+00');
    END IF;
END
$$;
-- +goose StatementEnd

-- The partition of times that no other has.
CREATE TABLE IF NOT EXISTS event_logs_default (LIKE event_logs INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES);
-- +goose StatementBegin
DO $$
DECLARE
    beyond timestamptz := (SELECT substring(pg_get_constraintdef(oid) FROM '''(.*)''') FROM pg_constraint
        WHERE conrelid = 'event_logs'::regclass AND conname = 'event_logs_before');
BEGIN
    WITH aside AS (
        DELETE FROM event_logs WHERE (log_time AT TIME ZONE 'UTC') >= (beyond AT TIME ZONE 'UTC') RETURNING *
    )
    INSERT INTO event_logs_default SELECT * FROM aside;
END
$$;
-- +goose StatementEnd
ALTER TABLE event_logs VALIDATE CONSTRAINT event_logs_before;

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    LOCK TABLE event_logs IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE event_logs DROP CONSTRAINT event_logs_before;
    INSERT INTO event_logs SELECT * FROM event_logs_default;
    DROP TABLE event_logs_default;
    DELETE FROM event_logs e USING event_logs first
    WHERE (e.topic, e.topic_id, e."partition", e."offset") = (first.topic, first.topic_id, first."partition", first."offset")
        AND e.log_time > first.log_time;
    ALTER TABLE event_logs DROP CONSTRAINT event_logs_pkey, DROP COLUMN value_bytes;
    ALTER TABLE event_logs ADD PRIMARY KEY (topic, topic_id, "partition", "offset");
END
$$;
-- +goose StatementEnd
