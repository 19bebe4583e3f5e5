-- Which log a topic's name stood for: a topic that is deleted and made anew is another log, of the same name and with the
-- same offsets. What is stored already keeps the zero id, until the tracer that goes on with its topic says which that is.
--
-- Locks: SQLite has one writer, so other writers wait until the commit. The table is copied, as a key can't be changed in
-- place: this takes as long as writing the file anew, and for a while its space twice. Readers go on. Down copies it, too,
-- and drops the rows of topics that others have replaced: the old key has no place for them.

-- +goose Up
CREATE TABLE event_logs_new (
    -- Where the record stands in the log: its identity.
    topic          text    NOT NULL,
    topic_id       text    NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    "partition"    integer NOT NULL,
    "offset"       integer NOT NULL,
    event_id       text    NOT NULL,
    correlation_id text,
    session_id     text,
    event_type     text    NOT NULL,
    "timestamp"    text    NOT NULL,
    log_time       text    NOT NULL,
    created_at     text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    "key"          blob,
    payload        text,
    invalid        text,
    value          blob,
    PRIMARY KEY (topic, topic_id, "partition", "offset")
);
INSERT INTO event_logs_new (topic, "partition", "offset", event_id, correlation_id, session_id, event_type, "timestamp", log_time,
    created_at, "key", payload, invalid, value)
SELECT topic, "partition", "offset", event_id, correlation_id, session_id, event_type, "timestamp", log_time,
    created_at, "key", payload, invalid, value
FROM event_logs ORDER BY rowid;
DROP TABLE event_logs;
ALTER TABLE event_logs_new RENAME TO event_logs;
CREATE INDEX event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, log_time);

-- The log whose offsets trace_progress has.
CREATE TABLE trace_topics (
    topic      text NOT NULL PRIMARY KEY,
    topic_id   text NOT NULL,
    updated_at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) WITHOUT ROWID;

-- +goose Down
DELETE FROM event_logs WHERE EXISTS (
    SELECT 1 FROM trace_topics t WHERE t.topic = event_logs.topic AND t.topic_id <> event_logs.topic_id
);
CREATE TABLE event_logs_old (
    topic          text    NOT NULL,
    "partition"    integer NOT NULL,
    "offset"       integer NOT NULL,
    event_id       text    NOT NULL,
    correlation_id text,
    session_id     text,
    event_type     text    NOT NULL,
    "timestamp"    text    NOT NULL,
    log_time       text    NOT NULL,
    created_at     text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    "key"          blob,
    payload        text,
    invalid        text,
    value          blob,
    PRIMARY KEY (topic, "partition", "offset")
);
INSERT INTO event_logs_old (topic, "partition", "offset", event_id, correlation_id, session_id, event_type, "timestamp", log_time,
    created_at, "key", payload, invalid, value)
SELECT topic, "partition", "offset", event_id, correlation_id, session_id, event_type, "timestamp", log_time,
    created_at, "key", payload, invalid, value
FROM event_logs ORDER BY rowid;
DROP TABLE event_logs;
ALTER TABLE event_logs_old RENAME TO event_logs;
CREATE INDEX event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, log_time);
DROP TABLE trace_topics;
