-- Verify neanelu:functions/analytics/schedule on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF (SELECT count(*) FROM neanelu.scheduled_tasks AS t
         WHERE (t.task_name, t.cron_expression, t.job_data ->> 'view') IN (('analytics.shop_summary', '0 * * * *', 'mv_shop_summary'),
                   ('analytics.low_stock', '*/15 * * * *', 'mv_low_stock_alerts'), ('analytics.top_sellers', '0 3 * * *', 'mv_top_sellers'))) <> 3
       OR NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'analytics.rollups') THEN
        RAISE EXCEPTION 'a recurring task of analytics is missing';
    END IF;
    IF has_function_privilege('neanelu_worker', 'analytics._do_rollup(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'handlers are for jobs.execute alone';
    END IF;
END
$verify$;

ROLLBACK;
