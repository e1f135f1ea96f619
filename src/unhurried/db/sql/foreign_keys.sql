-- What foreign keys are there? Whether an index begins with their columns, the indexes tell.
-- Source: PostgreSQL, "Foreign Keys" (an index on the referencing columns is often a good idea) and
-- "pg_constraint".
SELECT /* unhurried dba */
    namespace.nspname AS schema,
    relation.relname AS "table",
    foreign_key.conname AS name,
    foreign_key.conkey::int[] AS numbers,
    ARRAY(
        SELECT attname::text
        FROM unnest(foreign_key.conkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_catalog.pg_attribute ON attrelid = foreign_key.conrelid AND attnum = part.number
        ORDER BY place
    ) AS columns,
    target.relname AS target,
    coalesce(counted.n_live_tup, 0) AS live,
    pg_relation_size(relation.oid) AS size
FROM pg_catalog.pg_constraint AS foreign_key
JOIN pg_catalog.pg_class AS relation ON relation.oid = foreign_key.conrelid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
JOIN pg_catalog.pg_class AS target ON target.oid = foreign_key.confrelid
LEFT JOIN pg_catalog.pg_stat_all_tables AS counted ON counted.relid = relation.oid
WHERE foreign_key.contype = 'f' AND relation.relkind = 'r'
ORDER BY namespace.nspname, relation.relname, foreign_key.conname
