-- The outbox: events that were written in the transactions of a program and wait to be published, and where relays are with them.
--
-- Locks: SQLite has one writer, so other writers wait until the commit, a few milliseconds. Readers go on.
-- Times are text in UTC with six digits of fraction (2025-10-16T12:34:56.789000Z), so that they sort as times.

-- +goose Up
CREATE TABLE trestle_outbox (
    -- Never given twice, as it is the order of writing.
    id         integer PRIMARY KEY AUTOINCREMENT,
    -- Both follow from topic and key, or from the event's id where there is no key.
    lane       integer NOT NULL,
    key_hash   integer NOT NULL,
    event_id   text    NOT NULL,
    topic      text    NOT NULL,
    "key"      blob,
    value      blob,
    -- [{"name":…,"value":base64 or null}, …]
    headers    text    NOT NULL,
    created_at text    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    -- Kafka refuses a row of its key that comes before it, or this one.
    aside      integer NOT NULL DEFAULT 0
);
CREATE INDEX trestle_outbox_ready ON trestle_outbox (lane, id) WHERE NOT aside;
CREATE INDEX trestle_outbox_aside ON trestle_outbox (key_hash, id) WHERE aside;

CREATE TABLE trestle_outbox_lanes (
    lane             integer NOT NULL PRIMARY KEY,
    transactional_id text    NOT NULL UNIQUE,
    -- Whose it is, and until when nobody else takes it; null: nobody's.
    relay            text,
    leased_until     text,
    -- The batch that is being published: its number, its rows (a JSON array), and where its first row's topic ended before it.
    number           integer NOT NULL DEFAULT 0,
    row_ids          text    NOT NULL DEFAULT '[]',
    "position"       text
) WITHOUT ROWID;
WITH one AS MATERIALIZED (SELECT lower(hex(randomblob(16))) AS id)
INSERT INTO trestle_outbox_lanes (lane, transactional_id)
SELECT lane.value, 'trestle-outbox-' || one.id || '-' || lane.value FROM one, json_each('[0,1,2,3]') AS lane;

CREATE TABLE trestle_outbox_relays (
    relay text NOT NULL PRIMARY KEY,
    -- Until when it counts as alive.
    until text NOT NULL
) WITHOUT ROWID;

-- The keys that are held up, and the row of each that Kafka refused.
CREATE TABLE trestle_outbox_refused (
    key_hash integer NOT NULL PRIMARY KEY,
    lane     integer NOT NULL,
    row_id   integer NOT NULL UNIQUE,
    topic    text    NOT NULL,
    attempts integer NOT NULL,
    error    text    NOT NULL,
    since    text    NOT NULL,
    retry_at text    NOT NULL
);
CREATE INDEX trestle_outbox_refused_due ON trestle_outbox_refused (lane, retry_at);

-- +goose Down
DROP TABLE trestle_outbox_refused;
DROP TABLE trestle_outbox_relays;
DROP TABLE trestle_outbox_lanes;
DROP TABLE trestle_outbox;
