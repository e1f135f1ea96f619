-- How many transactions old is the oldest row that was not frozen? At two thousand million, less
-- three million, PostgreSQL takes no more writes.
-- Source: PostgreSQL, "Preventing Transaction ID Wraparound Failures".
SELECT /* unhurried dba */
    age(datfrozenxid)::int8 AS age,
    current_setting('autovacuum_freeze_max_age')::int8 AS freeze_at,
    2147483648 - 3000000 AS stops_at
FROM pg_catalog.pg_database
WHERE datname = current_database()
