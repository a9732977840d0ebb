-- Verify neanelu:policies/vectors on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relname IN ('embedding_items', 'embedding_sweeps', 'search_words')
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;

    -- Nobody but the engine writes; who may read is who is named.
    SELECT string_agg(format('%s on %s for %s', p.right, t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('embedding_models'), ('embedding_items'), ('embedding_sweeps'), ('embedding_texts'), ('search_words')) AS t (name)
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_engine', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator', 'neanelu_ai',
                         'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor', 'neanelu_harvester')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, p.right)
           <> CASE WHEN r.rolname = 'neanelu_engine' THEN p.right <> 'TRUNCATE'
                   WHEN p.right <> 'SELECT' THEN false
                   ELSE CASE t.name
                        WHEN 'embedding_models' THEN r.rolname NOT IN ('neanelu_auditor', 'neanelu_harvester')
                        WHEN 'embedding_items' THEN r.rolname IN ('neanelu_tenant', 'neanelu_app', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_operator')
                        WHEN 'embedding_sweeps' THEN r.rolname = 'neanelu_operator'
                        WHEN 'embedding_texts' THEN r.rolname IN ('neanelu_analyst', 'neanelu_pim_editor')
                        ELSE r.rolname IN ('neanelu_tenant', 'neanelu_app') END END;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights are not as they should be: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
