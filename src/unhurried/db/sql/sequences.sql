-- How near is each sequence to the end of its column's type, or to its own?
-- last_value is NULL before the first use, and without USAGE or SELECT on the sequence.
-- last_value is read under the lock that nextval() takes, too; it keeps nobody from a value.
-- A column has a sequence if it owns it, or if its own DEFAULT asks it for integers.
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
JOIN (
    SELECT objid AS sequence, refobjid AS owner, refobjsubid AS place
    FROM pg_catalog.pg_depend
    WHERE classid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND refobjsubid > 0
    UNION
    SELECT asked.refobjid, filling.adrelid, filling.adnum
    FROM pg_catalog.pg_depend AS asked
    JOIN pg_catalog.pg_attrdef AS filling ON filling.oid = asked.objid
    JOIN pg_catalog.pg_attribute AS integers
        ON integers.attrelid = filling.adrelid AND integers.attnum = filling.adnum
        AND integers.attinhcount = 0
        AND integers.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    WHERE asked.classid = 'pg_attrdef'::regclass AND asked.refclassid = 'pg_class'::regclass
) AS filled ON filled.sequence = class.oid
JOIN pg_catalog.pg_class AS owner ON owner.oid = filled.owner
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = owner.relnamespace
JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = filled.owner AND attribute.attnum = filled.place
ORDER BY sequences.schemaname, sequences.sequencename
