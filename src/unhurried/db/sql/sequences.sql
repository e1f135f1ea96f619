-- How near is each sequence to the end of its column's type, or to its own?
-- last_value is NULL before the first use, and without USAGE or SELECT on the sequence.
-- last_value is read under the lock that nextval() takes, too; it keeps nobody from a value.
-- Source: PostgreSQL, "pg_sequences", "Numeric Types" (smallint, integer, bigint).
SELECT /* unhurried dba */
    sequences.schemaname AS schema,
    sequences.sequencename AS name,
    sequences.last_value,
    sequences.max_value,
    sequences.increment_by > 0 AS ascends,
    sequences.cycle,
    has_sequence_privilege(class.oid, 'USAGE, SELECT') AS may_read,
    namespace.nspname AS table_schema,
    owner.relname AS "table",
    attribute.attname AS "column",
    attribute.atttypid::regtype::text AS type,
    CASE attribute.atttypid
        WHEN 'int2'::regtype THEN 32767
        WHEN 'int4'::regtype THEN 2147483647
        ELSE 9223372036854775807
    END AS most
FROM pg_catalog.pg_sequences AS sequences
JOIN pg_catalog.pg_namespace AS own ON own.nspname = sequences.schemaname
JOIN pg_catalog.pg_class AS class
    ON class.relnamespace = own.oid AND class.relname = sequences.sequencename
JOIN pg_catalog.pg_depend AS owned
    ON owned.objid = class.oid AND owned.classid = 'pg_class'::regclass
    AND owned.deptype IN ('a', 'i') AND owned.refobjsubid > 0
JOIN pg_catalog.pg_class AS owner ON owner.oid = owned.refobjid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = owner.relnamespace
JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = owned.refobjid AND attribute.attnum = owned.refobjsubid
ORDER BY sequences.schemaname, sequences.sequencename
