-- Which events groups have handled, noted in the transactions of what they did.
--
-- Locks: none that anything waits for: the table is new.

-- +goose Up
CREATE TABLE trestle_handled (
    consumer_group text        NOT NULL,
    -- The event's id; without one, a UUID made of the topic's id, partition and offset.
    event_id       text        NOT NULL,
    handled_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, consumer_group)
);
CREATE INDEX trestle_handled_at ON trestle_handled (handled_at);

-- +goose Down
DROP TABLE trestle_handled;
