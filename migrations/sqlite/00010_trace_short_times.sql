-- The trace's indexes have times as numbers: microseconds since 1970, a third of the text's size. The columns stay text.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, which takes as long as building the indexes. Readers go on.

-- +goose Up
DROP INDEX event_logs_correlation_time;
DROP INDEX event_logs_session_time;
DROP INDEX event_logs_type;
DROP INDEX event_logs_topic_time;
DROP INDEX event_logs_time;
CREATE INDEX event_logs_correlation_time ON event_logs (correlation_id, (unixepoch(substr(log_time, 1, 19)) * 1000000 + substr(log_time, 21, 6)))
    WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session_time ON event_logs (session_id, (unixepoch(substr(log_time, 1, 19)) * 1000000 + substr(log_time, 21, 6)))
    WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, (unixepoch(substr(log_time, 1, 19)) * 1000000 + substr(log_time, 21, 6)));
CREATE INDEX event_logs_topic_time ON event_logs (topic, (unixepoch(substr(log_time, 1, 19)) * 1000000 + substr(log_time, 21, 6)));
CREATE INDEX event_logs_time ON event_logs ((unixepoch(substr(log_time, 1, 19)) * 1000000 + substr(log_time, 21, 6)));

-- +goose Down
DROP INDEX event_logs_correlation_time;
DROP INDEX event_logs_session_time;
DROP INDEX event_logs_type;
DROP INDEX event_logs_topic_time;
DROP INDEX event_logs_time;
CREATE INDEX event_logs_correlation_time ON event_logs (correlation_id, log_time) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_logs_session_time ON event_logs (session_id, log_time) WHERE session_id IS NOT NULL;
CREATE INDEX event_logs_type ON event_logs (event_type, log_time);
CREATE INDEX event_logs_topic_time ON event_logs (topic, log_time);
CREATE INDEX event_logs_time ON event_logs (log_time);
