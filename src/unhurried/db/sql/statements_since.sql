-- Since when does pg_stat_statements count, and how often had it to forget a statement?
-- Source: PostgreSQL, "The pg_stat_statements_info View".
SELECT /* unhurried dba */
    extract(epoch FROM now() - stats_reset)::float8 AS reset_ago,
    dealloc
FROM pg_stat_statements_info
