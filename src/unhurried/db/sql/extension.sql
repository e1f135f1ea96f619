-- Is pg_stat_statements there: created in this database, and loaded by the server?
-- Its settings exist only once it is loaded.
-- Source: PostgreSQL, "pg_stat_statements"; "shared_preload_libraries".
SELECT /* unhurried dba */
    current_setting('pg_stat_statements.max', true) IS NOT NULL AS loaded,
    (
        SELECT nspname
        FROM pg_catalog.pg_extension
        JOIN pg_catalog.pg_namespace ON pg_namespace.oid = extnamespace
        WHERE extname = 'pg_stat_statements'
    ) AS schema
