-- The trace in partitions by the record's time, a day in each (UTC), so that what is older than is to be kept is dropped, not deleted row
-- by row. What is stored so far becomes the partition of all times before its check's, as it is; records of times that no partition has
-- are in event_logs_default. Views on event_logs stay those of what was stored so far, under its new name event_logs_before: make them anew.
--
-- Locks: ACCESS EXCLUSIVE on event_logs and its rows' new partitions for moments: no row is read or rewritten but those of the default
-- partition. The function trace_partition takes SHARE UPDATE EXCLUSIVE on event_logs and ACCESS EXCLUSIVE on event_logs_default for
-- moments, and gives up after 200 ms where others hold that. Down takes ACCESS EXCLUSIVE while it copies all rows into one table.

-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE
    beyond text := (SELECT substring(pg_get_constraintdef(oid) FROM '''(.*)''') FROM pg_constraint
        WHERE conrelid = 'event_logs'::regclass AND conname = 'event_logs_before');
    owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'event_logs'::regclass);
    grants text[];
BEGIN
    LOCK TABLE event_logs IN ACCESS EXCLUSIVE MODE;
    SELECT array_agg(format('GRANT %s ON event_logs TO %s', privilege_type,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)) INTO grants
    FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = 'event_logs'::regclass;
    ALTER TABLE event_logs RENAME TO event_logs_before;
    ALTER INDEX event_logs_pkey RENAME TO event_logs_before_pkey;
    ALTER INDEX event_logs_correlation_time RENAME TO event_logs_before_correlation_time;
    ALTER INDEX event_logs_session_time RENAME TO event_logs_before_session_time;
    ALTER INDEX event_logs_type RENAME TO event_logs_before_type;
    ALTER INDEX event_logs_topic_time RENAME TO event_logs_before_topic_time;
    ALTER INDEX event_logs_time RENAME TO event_logs_before_time;
    CREATE TABLE event_logs (LIKE event_logs_before INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES) PARTITION BY RANGE (log_time);
    ALTER TABLE event_logs ADD CONSTRAINT event_logs_pkey PRIMARY KEY (topic, topic_id, "partition", "offset", log_time);
    CREATE INDEX event_logs_correlation_time ON event_logs (correlation_id, log_time) WHERE correlation_id IS NOT NULL;
    CREATE INDEX event_logs_session_time ON event_logs (session_id, log_time) WHERE session_id IS NOT NULL;
    CREATE INDEX event_logs_type ON event_logs (event_type, log_time);
    CREATE INDEX event_logs_topic_time ON event_logs (topic, log_time);
    -- Of an expression, which only what is asked of all events has: see the migration of the order.
    CREATE INDEX event_logs_time ON event_logs ((log_time AT TIME ZONE 'UTC'));
    EXECUTE format('ALTER TABLE event_logs OWNER TO %I', owner);
    FOR i IN 1 .. coalesce(array_length(grants, 1), 0) LOOP
        EXECUTE grants[i];
    END LOOP;
    ALTER TABLE event_logs ATTACH PARTITION event_logs_default DEFAULT;
    IF EXISTS (SELECT FROM event_logs_before) THEN
        EXECUTE format('ALTER TABLE event_logs ATTACH PARTITION event_logs_before FOR VALUES FROM (MINVALUE) TO (%L)', beyond);
        ALTER TABLE event_logs_before DROP CONSTRAINT event_logs_before;
    ELSE
        DROP TABLE event_logs_before;
    END IF;

    -- trace_partition makes the partition of a time, unless there is one, and says whether there is: a day's; of times that are over for more than 400 days a
    -- month's, unless some of its days have theirs. A time before Kafka, or more than two days ahead, has none: it is some producer's
    -- error. What the default partition holds of it is moved. Whoever may insert events may call it. It fails (lock_not_available)
    -- where others are in the way for longer than moments; the default partition then takes what it was for.
    EXECUTE format($function$
        CREATE FUNCTION trace_partition(at timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = %I, pg_temp SET timezone = 'UTC' SET lock_timeout = '200ms' AS $body$
        DECLARE
            unit text;
            first timestamptz;
            name text;
        BEGIN
            IF NOT has_table_privilege(session_user, 'event_logs', 'INSERT') THEN
                RAISE insufficient_privilege USING MESSAGE = 'permission denied for table event_logs';
            END IF;
            IF at < '2011-01-01' OR at >= date_trunc('day', now()) + interval '3 days' THEN
                RETURN false;
            END IF;
            PERFORM pg_advisory_xact_lock(x'74726163655f'::bigint);
            FOREACH unit IN ARRAY ARRAY['month', 'day'] LOOP
                first := date_trunc(unit, at);
                name := 'event_logs_' || to_char(first, CASE unit WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END);
                CONTINUE WHEN unit = 'month' AND first + interval '1 month' > now() - interval '400 days';
                IF to_regclass(name) IS NOT NULL THEN
                    RETURN true;
                END IF;
                BEGIN
                    EXECUTE format('CREATE TABLE %%I (LIKE event_logs INCLUDING ALL)', name);
                    LOCK TABLE event_logs_default IN SHARE ROW EXCLUSIVE MODE;
                    EXECUTE format('WITH moved AS (
                        DELETE FROM event_logs_default WHERE (log_time AT TIME ZONE ''UTC'') >= ($1 AT TIME ZONE ''UTC'')
                            AND (log_time AT TIME ZONE ''UTC'') < ($2 AT TIME ZONE ''UTC'') RETURNING *
                    ) INSERT INTO %%I SELECT * FROM moved', name) USING first, first + ('1 ' || unit)::interval;
                    EXECUTE format('ALTER TABLE event_logs ATTACH PARTITION %%I FOR VALUES FROM (%%L) TO (%%L)',
                        name, first, first + ('1 ' || unit)::interval);
                    RETURN true;
                EXCEPTION WHEN invalid_object_definition THEN
                    NULL; -- some of it has a partition: all of the day, or days of the month
                END;
            END LOOP;
            RETURN true;
        END
        $body$
    $function$, current_schema());
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    beyond text := to_char(date_trunc('day', now() AT TIME ZONE 'UTC') + interval '2 days', 'YYYY-MM-DD') || ' 00:00:00+00';
    owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'event_logs'::regclass);
    grants text[];
BEGIN
    LOCK TABLE event_logs IN ACCESS EXCLUSIVE MODE;
    DROP FUNCTION trace_partition(timestamptz);
    SELECT array_agg(format('GRANT %s ON event_logs TO %s', privilege_type,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)) INTO grants
    FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = 'event_logs'::regclass;
    CREATE TABLE event_logs_plain (LIKE event_logs INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES);
    CREATE TABLE event_logs_beyond (LIKE event_logs INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES);
    EXECUTE format('INSERT INTO event_logs_plain SELECT * FROM event_logs WHERE log_time < %L', beyond);
    EXECUTE format('INSERT INTO event_logs_beyond SELECT * FROM event_logs WHERE log_time >= %L', beyond);
    DROP TABLE event_logs;
    ALTER TABLE event_logs_plain RENAME TO event_logs;
    ALTER TABLE event_logs_beyond RENAME TO event_logs_default;
    ALTER TABLE event_logs ADD CONSTRAINT event_logs_pkey PRIMARY KEY (topic, topic_id, "partition", "offset", log_time);
    EXECUTE format('ALTER TABLE event_logs ADD CONSTRAINT event_logs_before CHECK (log_time < %L)', beyond);
    CREATE INDEX event_logs_correlation_time ON event_logs (correlation_id, log_time) WHERE correlation_id IS NOT NULL;
    CREATE INDEX event_logs_session_time ON event_logs (session_id, log_time) WHERE session_id IS NOT NULL;
    CREATE INDEX event_logs_type ON event_logs (event_type, log_time);
    CREATE INDEX event_logs_topic_time ON event_logs (topic, log_time);
    CREATE INDEX event_logs_time ON event_logs ((log_time AT TIME ZONE 'UTC'));
    EXECUTE format('ALTER TABLE event_logs OWNER TO %I', owner);
    FOR i IN 1 .. coalesce(array_length(grants, 1), 0) LOOP
        EXECUTE grants[i];
    END LOOP;
END
$$;
-- +goose StatementEnd
