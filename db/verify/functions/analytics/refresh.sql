-- Verify neanelu:functions/analytics/refresh on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT has_function_privilege('neanelu_worker', 'analytics.refresh(text)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'analytics.refresh(text)', 'EXECUTE')
       OR has_function_privilege('neanelu_analyst', 'analytics.refresh_all()', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the refresh are not what they should be';
    END IF;
    IF EXISTS (SELECT FROM neanelu.analytics_refreshes AS r
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_matviews AS m WHERE m.schemaname = 'neanelu' AND m.matviewname = r.view_name)) THEN
        RAISE EXCEPTION 'a summary is missing';
    END IF;
END
$verify$;

ROLLBACK;
