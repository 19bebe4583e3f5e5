-- The trace store: every record of the followed topics once, and how far each partition has been read.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on.
-- Times are text in UTC with six digits of fraction (2025-10-16T12:34:56.789000Z), so that they sort as times.

-- +goose Up
CREATE TABLE event_logs (
    -- Where the record stands in the log: its identity.
    topic          text    NOT NULL,
    "partition"    integer NOT NULL,
    "offset"       integer NOT NULL,
    -- The event-id header, or the envelope's id; without one, an id made of topic, partition and offset.
    event_id       text    NOT NULL,
    correlation_id text,
    session_id     text,
    -- Empty when it could not be read.
    event_type     text    NOT NULL,
    -- The event's own time; the record's where it has none.
    "timestamp"    text    NOT NULL,
    -- The record's time: what events of different partitions are ordered by.
    log_time       text    NOT NULL,
    created_at     text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    "key"          blob,
    -- The payload's JSON text, as it was.
    payload        text,
    -- What is wrong with the record; null for nothing.
    invalid        text,
    -- The record's value, where something is wrong with it or there is no payload.
    value          blob,
    PRIMARY KEY (topic, "partition", "offset")
);

CREATE INDEX event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, log_time);

CREATE TABLE trace_progress (
    topic       text    NOT NULL,
    "partition" integer NOT NULL,
    -- The offset to read next: everything before it is stored.
    next_offset integer NOT NULL,
    updated_at  text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    PRIMARY KEY (topic, "partition")
) WITHOUT ROWID;

-- +goose Down
DROP TABLE trace_progress;
DROP TABLE event_logs;
