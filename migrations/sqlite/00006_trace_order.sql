-- What answers to questions are ordered by: conversations, sessions, topics and all events by the record's time, so that an
-- answer is read page by page. And of each event what caused it, and until when its response is awaited.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, which takes as long as building the indexes. Readers
-- go on. Down rewrites the table to drop the columns with what is in them.

-- +goose Up
ALTER TABLE event_logs ADD COLUMN causation_id text;
ALTER TABLE event_logs ADD COLUMN deadline text;
CREATE INDEX event_logs_correlation_time ON event_logs (correlation_id, log_time) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session_time ON event_logs (session_id, log_time) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_topic_time ON event_logs (topic, log_time);
CREATE INDEX event_logs_time ON event_logs (log_time);
DROP INDEX event_logs_correlation;
DROP INDEX event_logs_session;

-- +goose Down
CREATE INDEX event_logs_correlation ON event_logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session ON event_logs (session_id) WHERE session_id IS NOT NULL;
DROP INDEX event_logs_correlation_time;
DROP INDEX event_logs_session_time;
DROP INDEX event_logs_topic_time;
DROP INDEX event_logs_time;
ALTER TABLE event_logs DROP COLUMN causation_id;
ALTER TABLE event_logs DROP COLUMN deadline;
