-- How often was a block already in PostgreSQL's memory, of tables and of indexes? What the operating
-- system has kept counts as read here.
-- Source: PostgreSQL, "pg_statio_all_tables", "Resource Consumption" (shared_buffers).
SELECT /* unhurried dba */
    kind,
    coalesce(hit, 0)::int8 AS hit,
    coalesce(read, 0)::int8 AS read,
    pg_size_bytes(current_setting('shared_buffers')) AS buffers
FROM (
    SELECT
        sum(heap_blks_hit) AS table_hit,
        sum(heap_blks_read) AS table_read,
        sum(idx_blks_hit) AS index_hit,
        sum(idx_blks_read) AS index_read
    FROM pg_catalog.pg_statio_user_tables
) AS summed,
LATERAL (VALUES ('table', table_hit, table_read), ('index', index_hit, index_read))
    AS each (kind, hit, read)
ORDER BY kind DESC
