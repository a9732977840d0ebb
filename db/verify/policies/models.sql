-- Verify neanelu:policies/models on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(r.role || ' on ' || t.name, ', ') INTO v_bad
      FROM unnest('{neanelu_tenant, neanelu_app, neanelu_ai, neanelu_worker, neanelu_analyst, neanelu_operator, neanelu_pim_editor}'::text[]) AS r (role)
     CROSS JOIN unnest('{ai_models, ai_budgets, ai_spending, ai_reservations, ai_batch_runs, ai_extractions}'::text[]) AS t (name)
     WHERE has_table_privilege(r.role, 'neanelu.' || t.name, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_table_privilege(r.role, 'neanelu.' || t.name, 'SELECT')
           <> (r.role = ANY ('{neanelu_analyst, neanelu_operator, neanelu_pim_editor}'::text[]));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on tables of models: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
