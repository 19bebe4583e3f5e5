-- The trace store: every record of the followed topics once, and how far each partition has been read.
--
-- Locks: new tables only, so ACCESS EXCLUSIVE on tables nobody can see before the commit. Nothing that exists is
-- touched, and nothing waits. Down takes ACCESS EXCLUSIVE on both tables and drops them with their rows.

-- +goose Up
CREATE TABLE event_logs (
    -- Where the record stands in the log: its identity.
    topic          text COLLATE "C" NOT NULL,
    "partition"    integer          NOT NULL,
    "offset"       bigint           NOT NULL,
    -- The event-id header, or the envelope's id; without one, an id made of topic, partition and offset.
    event_id       uuid             NOT NULL,
    correlation_id uuid,
    session_id     uuid,
    -- Empty when it could not be read.
    event_type     text COLLATE "C" NOT NULL,
    -- The event's own time; the record's where it has none.
    "timestamp"    timestamptz      NOT NULL,
    -- The record's time: what events of different partitions are ordered by.
    log_time       timestamptz      NOT NULL,
    created_at     timestamptz      NOT NULL DEFAULT now(),
    "key"          bytea,
    -- json, not jsonb: jsonb refuses \u0000 and rewrites numbers, 1e-07 for one. ->> fails on a payload with \u0000, as
    -- text has no such character: strpos(payload::text, '\u0000') = 0 in the condition leaves those out.
    payload        json,
    -- What is wrong with the record; null for nothing.
    invalid        text,
    -- The record's value, where something is wrong with it or there is no payload.
    value          bytea,
    PRIMARY KEY (topic, "partition", "offset")
);

CREATE INDEX event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, log_time);

-- lz4 packs and unpacks several times faster than the default; servers before 14, or built without it, keep theirs.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE 'ALTER TABLE event_logs ALTER COLUMN payload SET COMPRESSION lz4, ALTER COLUMN value SET COMPRESSION lz4';
EXCEPTION
    WHEN feature_not_supported OR syntax_error OR invalid_parameter_value THEN
        NULL;
END
$$;
-- +goose StatementEnd

CREATE TABLE trace_progress (
    topic       text COLLATE "C" NOT NULL,
    "partition" integer          NOT NULL,
    -- The offset to read next: everything before it is stored.
    next_offset bigint           NOT NULL,
    updated_at  timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, "partition")
);

-- +goose Down
DROP TABLE trace_progress;
DROP TABLE event_logs;
