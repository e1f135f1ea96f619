-- What indexes are there, what are they made of, and who has used them?
-- keys, classes, collations and options are as PostgreSQL numbers them; columns has the text of each
-- column or expression, the included ones last. A partition's are its parent's, and left out there.
-- Source: PostgreSQL, "pg_index", "pg_stat_all_indexes", "pg_stat_progress_create_index".
SELECT /* unhurried dba */
    tables.nspname AS schema,
    relation.relname AS "table",
    class.relname AS name,
    class.oid::int8 AS oid,
    method.amname AS method,
    index.indisunique AS is_unique,
    index.indisprimary OR index.indisexclusion OR constrained.oid IS NOT NULL AS is_constraint,
    index.indisreplident OR index.indisclustered AS is_marked,
    index.indisvalid AND index.indisready AND index.indislive AS is_valid,
    building.pid IS NOT NULL AS is_building,
    index.indnkeyatts::int AS keys,
    index.indkey::int2[]::int[] AS numbers,
    index.indclass::oid[]::int8[] AS classes,
    (
        SELECT opcname LIKE '%\_pattern\_ops'
        FROM pg_catalog.pg_opclass WHERE pg_opclass.oid = index.indclass[0]
    ) AS for_like,
    index.indcollation::oid[]::int8[] AS collations,
    index.indoption::int2[]::int[] AS options,
    ARRAY(
        SELECT pg_get_indexdef(index.indexrelid, position, false)
        FROM generate_series(1, index.indnatts) AS position
    ) AS columns,
    pg_get_expr(index.indpred, index.indrelid) AS predicate,
    pg_get_indexdef(index.indexrelid) AS definition,
    pg_relation_size(index.indexrelid) AS size,
    coalesce(used.idx_scan, 0) AS scans,
    class.relispartition AS is_part
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid AND class.relkind = 'i'
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indrelid
JOIN pg_catalog.pg_namespace AS tables ON tables.oid = relation.relnamespace
JOIN pg_catalog.pg_am AS method ON method.oid = class.relam
LEFT JOIN pg_catalog.pg_stat_all_indexes AS used ON used.indexrelid = index.indexrelid
LEFT JOIN pg_catalog.pg_stat_progress_create_index AS building
    ON building.index_relid = index.indexrelid
LEFT JOIN LATERAL (
    SELECT oid FROM pg_catalog.pg_constraint
    WHERE conindid = index.indexrelid LIMIT 1
) AS constrained ON true
WHERE tables.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND tables.nspname NOT LIKE 'pg\_temp\_%'
    AND tables.nspname NOT LIKE 'pg\_toast\_temp\_%'
    AND relation.relkind IN ('r', 'm')
ORDER BY tables.nspname, relation.relname, class.oid
