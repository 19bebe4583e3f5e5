-- Parked dead letters: those that their topics refuse, one for each record and consumer group, until they are published.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on. Down drops the table
-- with its letters, which stand nowhere else: publish them before.
-- Times are text in UTC with six digits of fraction (2025-10-16T12:34:56.789000Z), so that they sort as times.

-- +goose Up
CREATE TABLE parked_letters (
    -- Which record could not be handled: its place in the log, and the group that gave it up.
    topic          text    NOT NULL,
    topic_id       text    NOT NULL,
    "partition"    integer NOT NULL,
    "offset"       integer NOT NULL,
    consumer_group text    NOT NULL,
    -- The record that is to be written, and the topic that did not take it.
    dead_letter    text    NOT NULL,
    "key"          blob,
    -- A list of {"name": …, "value": …}, the value in base64, null for none.
    headers        text    NOT NULL,
    value          blob,
    refusal        text    NOT NULL,
    parked_at      text    NOT NULL,
    PRIMARY KEY (topic, topic_id, "partition", "offset", consumer_group)
);

-- +goose Down
DROP TABLE parked_letters;
