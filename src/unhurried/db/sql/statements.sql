-- What took the database's time? The dearest statements of this database, and how much all took.
-- Texts of other roles are NULL or "<insufficient privilege>" without pg_read_all_stats.
-- Source: PostgreSQL, "pg_stat_statements".
SELECT /* unhurried dba */
    queryid::text AS queryid,
    left(query, 100000) AS query,
    calls,
    rows,
    total_exec_time / 1000 AS seconds,
    sum(total_exec_time) OVER () / 1000 AS total,
    count(*) OVER () AS texts
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND query NOT LIKE '%unhurried dba%'
ORDER BY total_exec_time DESC, queryid
LIMIT 2000
