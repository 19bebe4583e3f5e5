-- Which events groups have handled, noted in the transactions of what they did.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on.
-- Times are text in UTC with six digits of fraction (2025-10-16T12:34:56.789000Z), so that they sort as times.

-- +goose Up
CREATE TABLE trestle_handled (
    consumer_group text NOT NULL,
    -- The event's id; without one, a UUID made of the topic's id, partition and offset.
    event_id       text NOT NULL,
    handled_at     text NOT NULL,
    PRIMARY KEY (event_id, consumer_group)
) WITHOUT ROWID;
CREATE INDEX trestle_handled_at ON trestle_handled (handled_at);

-- +goose Down
DROP TABLE trestle_handled;
