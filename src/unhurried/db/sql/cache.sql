-- How often was a block already in PostgreSQL's memory? What the operating system has kept counts as
-- read here.
-- Source: PostgreSQL, "pg_statio_all_tables", "Resource Consumption" (shared_buffers).
SELECT /* unhurried dba */
    coalesce(sum(heap_blks_hit), 0)::int8 AS heap_hit,
    coalesce(sum(heap_blks_read), 0)::int8 AS heap_read,
    coalesce(sum(idx_blks_hit), 0)::int8 AS index_hit,
    coalesce(sum(idx_blks_read), 0)::int8 AS index_read,
    pg_size_bytes(current_setting('shared_buffers')) AS buffers
FROM pg_catalog.pg_statio_user_tables
