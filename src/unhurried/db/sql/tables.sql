-- How are tables read, how many of their rows are dead, and when was somebody there to clean up?
-- planned is what the planner counts on; live is what writes have left, and drifts.
-- A table's own settings come before the server's.
-- Source: PostgreSQL, "pg_stat_all_tables", "Routine Vacuuming" (The Autovacuum Daemon).
SELECT /* unhurried dba */
    counted.schemaname AS schema,
    counted.relname AS "table",
    coalesce(counted.seq_scan, 0) AS seq_scans,
    coalesce(counted.seq_tup_read, 0) AS seq_rows,
    coalesce(counted.idx_scan, 0) AS index_scans,
    counted.n_live_tup AS live,
    CASE WHEN relation.reltuples > 0 THEN relation.reltuples ELSE counted.n_live_tup END::int8
        AS planned,
    counted.n_dead_tup AS dead,
    counted.n_mod_since_analyze AS changed,
    extract(epoch FROM now() - greatest(counted.last_vacuum, counted.last_autovacuum))::float8
        AS vacuumed_ago,
    extract(epoch FROM now() - greatest(counted.last_analyze, counted.last_autoanalyze))::float8
        AS analyzed_ago,
    pg_relation_size(counted.relid) AS size,
    current_setting('autovacuum')::bool
        AND coalesce(own.autovacuum_enabled, 'true')::bool AS autovacuum,
    coalesce(own.threshold, current_setting('autovacuum_vacuum_threshold'))::float8
        + coalesce(own.scale, current_setting('autovacuum_vacuum_scale_factor'))::float8
        * greatest(relation.reltuples, 0) AS due
FROM pg_catalog.pg_stat_user_tables AS counted
JOIN pg_catalog.pg_class AS relation ON relation.oid = counted.relid
LEFT JOIN LATERAL (
    SELECT
        max(option_value) FILTER (WHERE option_name = 'autovacuum_enabled') AS autovacuum_enabled,
        max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS threshold,
        max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS scale
    FROM pg_options_to_table(relation.reloptions)
) AS own ON true
ORDER BY counted.schemaname, counted.relname
