-- Who is connected, since when is the transaction open, and who waits for whom?
-- A role that is no member of pg_read_all_stats sees of others neither state, nor text, nor type.
-- Source: PostgreSQL, "pg_stat_activity", "pg_locks", pg_blocking_pids().
SELECT /* unhurried dba */
    activity.pid,
    coalesce(activity.application_name, '') AS application,
    coalesce(activity.usename, '') AS role,
    activity.datname = current_database() AS here,
    activity.state,
    coalesce(activity.query, '') AS query,
    extract(epoch FROM clock_timestamp() - activity.xact_start)::float8 AS open_for,
    extract(epoch FROM clock_timestamp() - activity.state_change)::float8 AS state_for,
    extract(epoch FROM clock_timestamp() - waited.since)::float8 AS waited_for,
    waited.relation AS waited_for_table,
    pg_blocking_pids(activity.pid) AS blockers
FROM pg_catalog.pg_stat_activity AS activity
LEFT JOIN LATERAL (
    SELECT
        coalesce(min(locks.waitstart), activity.query_start) AS since,
        max(class.relname::text) AS relation
    FROM pg_catalog.pg_locks AS locks
    LEFT JOIN pg_catalog.pg_class AS class ON class.oid = locks.relation
    WHERE locks.pid = activity.pid AND NOT locks.granted
    HAVING count(*) > 0
) AS waited ON true
WHERE activity.pid <> pg_backend_pid()
    AND (
        activity.backend_type = 'client backend'
        OR activity.backend_type IS NULL AND activity.datid IS NOT NULL
    )
ORDER BY activity.xact_start NULLS LAST, activity.pid
