-- Verify neanelu:schema/progress on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(n.name, ', ') INTO v_bad
      FROM unnest('{mv_pim_quality_progress, mv_pim_enrichment_status, mv_pim_source_performance}'::text[]) AS n (name)
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = to_regclass('neanelu.' || n.name)
     WHERE c.relkind IS DISTINCT FROM 'm' OR c.relowner <> 'neanelu_engine'::regrole
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'missing, of the wrong owner, or without a unique index: %', v_bad;
    END IF;
    SELECT string_agg(n.name || ' ' || r.rolname, ', ') INTO v_bad
      FROM unnest('{mv_pim_quality_progress, mv_pim_enrichment_status, mv_pim_source_performance}'::text[]) AS n (name)
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname <> 'neanelu_engine' AND has_table_privilege(r.rolname, 'neanelu.' || n.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'can read it beside the views: %', v_bad;
    END IF;
    IF has_schema_privilege('neanelu_engine', 'neanelu', 'CREATE') THEN
        RAISE EXCEPTION 'neanelu_engine may create in schema neanelu';
    END IF;
    IF NOT has_database_privilege('neanelu_engine', current_database(), 'TEMPORARY') THEN
        RAISE EXCEPTION 'neanelu_engine may not make the temporary table of a concurrent refresh';
    END IF;
END
$verify$;

ROLLBACK;
