-- The outbox: events that were written in the transactions of a program and wait to be published, and where relays are with them.
--
-- Locks: none that anything waits for: the tables are new.

-- +goose Up
CREATE TABLE trestle_outbox (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Both follow from topic and key, or from the event's id where there is no key.
    lane       smallint    NOT NULL,
    key_hash   bigint      NOT NULL,
    event_id   text        NOT NULL,
    topic      text        NOT NULL,
    "key"      bytea,
    value      bytea,
    -- [{"name":…,"value":base64 or null}, …]
    headers    json        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Kafka refuses a row of its key that comes before it, or this one.
    aside      boolean     NOT NULL DEFAULT false
) WITH (
    -- Rows live for moments: what they leave is cleared away by number, not as a part of a table that is empty as a rule.
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
    -- Events of some KB stay in their rows, and are not compressed for so short a time.
    toast_tuple_target = 8160
);
ALTER TABLE trestle_outbox ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE INDEX trestle_outbox_ready ON trestle_outbox (lane, id) WHERE NOT aside;
CREATE INDEX trestle_outbox_aside ON trestle_outbox (key_hash, id) WHERE aside;

CREATE TABLE trestle_outbox_lanes (
    lane             smallint NOT NULL PRIMARY KEY,
    transactional_id text     NOT NULL UNIQUE,
    -- Whose it is, and until when nobody else takes it; null: nobody's.
    relay            text,
    leased_until     timestamptz,
    -- The batch that is being published: its number, its rows, and where its first row's topic ended before it.
    number           bigint   NOT NULL DEFAULT 0,
    row_ids          bigint[] NOT NULL DEFAULT '{}',
    "position"       json
) WITH (fillfactor = 20);
INSERT INTO trestle_outbox_lanes (lane, transactional_id)
SELECT lane, 'trestle-outbox-' || id || '-' || lane FROM (SELECT gen_random_uuid() AS id) AS one, generate_series(0, 3) AS lane;

CREATE TABLE trestle_outbox_relays (
    relay text        NOT NULL PRIMARY KEY,
    -- Until when it counts as alive.
    until timestamptz NOT NULL
);

-- The keys that are held up, and the row of each that Kafka refused.
CREATE TABLE trestle_outbox_refused (
    key_hash bigint      NOT NULL PRIMARY KEY,
    lane     smallint    NOT NULL,
    row_id   bigint      NOT NULL UNIQUE,
    topic    text        NOT NULL,
    attempts integer     NOT NULL,
    error    text        NOT NULL,
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    retry_at timestamptz NOT NULL
);
CREATE INDEX trestle_outbox_refused_due ON trestle_outbox_refused (lane, retry_at);

-- +goose Down
DROP TABLE trestle_outbox_refused;
DROP TABLE trestle_outbox_relays;
DROP TABLE trestle_outbox_lanes;
DROP TABLE trestle_outbox;
