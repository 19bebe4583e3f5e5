-- What answers to questions are ordered by: conversations, sessions, topics and all events by the record's time, so that an
-- answer is read page by page. And of each event what caused it, and until when its response is awaited.
--
-- Locks: ACCESS EXCLUSIVE on event_logs for a moment, to add the columns (no row is rewritten). The indexes are built beside
-- readers and writers, and wait for transactions that were open before. Down drops the new indexes beside them, too, builds the
-- old ones, and takes ACCESS EXCLUSIVE for a moment to drop the columns with what is in them.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE event_logs ADD COLUMN IF NOT EXISTS causation_id uuid, ADD COLUMN IF NOT EXISTS deadline timestamptz;

-- An earlier attempt may have left some that are not complete.
DROP INDEX CONCURRENTLY IF EXISTS event_logs_correlation_time;
CREATE INDEX CONCURRENTLY event_logs_correlation_time ON event_logs (correlation_id, log_time) WHERE correlation_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_session_time;
CREATE INDEX CONCURRENTLY event_logs_session_time ON event_logs (session_id, log_time) WHERE session_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_topic_time;
CREATE INDEX CONCURRENTLY event_logs_topic_time ON event_logs (topic, log_time);
DROP INDEX CONCURRENTLY IF EXISTS event_logs_time;
-- Of an expression, which only what is asked of all events has: for a session's the planner would else walk through the times
-- of all, in the hope to come upon enough of the session's soon.
CREATE INDEX CONCURRENTLY event_logs_time ON event_logs ((log_time AT TIME ZONE 'UTC'));
DROP INDEX CONCURRENTLY IF EXISTS event_logs_correlation;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_session;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS event_logs_correlation;
CREATE INDEX CONCURRENTLY event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_session;
CREATE INDEX CONCURRENTLY event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_correlation_time;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_session_time;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_topic_time;
DROP INDEX CONCURRENTLY IF EXISTS event_logs_time;
ALTER TABLE event_logs DROP COLUMN IF EXISTS causation_id, DROP COLUMN IF EXISTS deadline;
