-- Since when is counted, and who asks?
-- Source: PostgreSQL, "The Cumulative Statistics System", pg_stat_database.stats_reset (NULL where
-- nobody has reset them: then they are as old as the database, or its last crash).
SELECT /* unhurried dba */
    current_database() AS database,
    current_user AS role,
    current_setting('server_version') AS version,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
    extract(epoch FROM now() - stats_reset)::float8 AS reset_ago,
    extract(epoch FROM now() - pg_postmaster_start_time())::float8 AS up,
    pg_database_size(current_database()) AS size
FROM pg_catalog.pg_stat_database
WHERE datname = current_database()
