-- How many connections may there be?
-- Source: PostgreSQL, "Connections and Authentication", max_connections.
SELECT /* unhurried dba */
    current_setting('max_connections')::int AS most,
    current_setting('superuser_reserved_connections')::int AS reserved
