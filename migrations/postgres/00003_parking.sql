-- Parked dead letters: those that their topics refuse, one for each record and consumer group, until they are published.
--
-- Locks: a new table only, so ACCESS EXCLUSIVE on one that nobody can see before the commit. Nothing that exists is touched,
-- and nothing waits. Down takes ACCESS EXCLUSIVE on the table and drops it with its letters, which stand nowhere else: publish
-- them before.

-- +goose Up
CREATE TABLE parked_letters (
    -- Which record could not be handled: its place in the log, and the group that gave it up.
    topic          text COLLATE "C" NOT NULL,
    topic_id       uuid             NOT NULL,
    "partition"    integer          NOT NULL,
    "offset"       bigint           NOT NULL,
    consumer_group text COLLATE "C" NOT NULL,
    -- The record that is to be written, and the topic that did not take it.
    dead_letter    text COLLATE "C" NOT NULL,
    "key"          bytea,
    -- A list of {"name": …, "value": …}, the value in base64, null for none.
    headers        json             NOT NULL,
    value          bytea,
    refusal        text             NOT NULL,
    parked_at      timestamptz      NOT NULL,
    PRIMARY KEY (topic, topic_id, "partition", "offset", consumer_group)
);

-- +goose Down
DROP TABLE parked_letters;
