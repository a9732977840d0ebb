-- Verify neanelu:functions/analytics/progress on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s for %s', v.name, r.rolname), ', ') INTO v_bad
      FROM unnest('{pim_quality_progress,pim_enrichment_status,pim_source_performance}'::text[]) AS v (name)
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname <> 'neanelu_engine'
       AND has_table_privilege(r.rolname, 'analytics.' || v.name, 'SELECT')
           <> (r.rolname IN ('neanelu_analyst', 'neanelu_pim_editor', 'neanelu_operator'));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'readers are not whom they should be: %', v_bad;
    END IF;
    IF NOT has_schema_privilege('neanelu_pim_editor', 'analytics', 'USAGE') THEN
        RAISE EXCEPTION 'editors cannot reach the views';
    END IF;
    SELECT string_agg(r.view_name, ', ') INTO v_bad
      FROM neanelu.analytics_refreshes AS r
     WHERE r.view_name LIKE 'mv\_pim\_%'
       AND NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.job_name = 'analytics.refresh' AND t.job_data ->> 'view' = r.view_name);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not scheduled: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
