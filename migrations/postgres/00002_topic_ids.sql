-- Which log a topic's name stood for: a topic that is deleted and made anew is another log, of the same name and with the
-- same offsets. What is stored already keeps the zero id, until the tracer that goes on with its topic says which that is.
--
-- Locks: ACCESS EXCLUSIVE on event_logs for moments, to add the column (no row is rewritten) and to exchange the key. The new
-- key's index is built beside readers and writers, and waits for transactions that were open before; a tracer of the
-- version before waits from then on until it is replaced. Down takes ACCESS EXCLUSIVE while it builds the old key, and
-- drops the rows of topics that others have replaced: the old key has no place for them.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE event_logs ADD COLUMN IF NOT EXISTS topic_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

-- The log whose offsets trace_progress has.
CREATE TABLE IF NOT EXISTS trace_topics (
    topic      text COLLATE "C" NOT NULL PRIMARY KEY,
    topic_id   uuid             NOT NULL,
    updated_at timestamptz      NOT NULL DEFAULT now()
);

-- An earlier attempt may have left one that is not complete.
DROP INDEX CONCURRENTLY IF EXISTS event_logs_place;
CREATE UNIQUE INDEX CONCURRENTLY event_logs_place ON event_logs (topic, topic_id, "partition", "offset");
ALTER TABLE event_logs DROP CONSTRAINT event_logs_pkey, ADD CONSTRAINT event_logs_pkey PRIMARY KEY USING INDEX event_logs_place;

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    LOCK TABLE event_logs IN ACCESS EXCLUSIVE MODE;
    DELETE FROM event_logs e USING trace_topics t WHERE e.topic = t.topic AND e.topic_id <> t.topic_id;
    ALTER TABLE event_logs DROP CONSTRAINT event_logs_pkey, DROP COLUMN topic_id;
    ALTER TABLE event_logs ADD PRIMARY KEY (topic, "partition", "offset");
    DROP TABLE trace_topics;
END
$$;
-- +goose StatementEnd
