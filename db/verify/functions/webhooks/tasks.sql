-- Verify neanelu:functions/webhooks/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(w.name, ', ') INTO v_bad
      FROM (VALUES ('webhook.process', 'webhooks.process'), ('mirror.reconcile_due', 'webhooks.reconcile_due'), ('mirror.sweep', 'webhooks.sweep'),
                   ('mirror.fetch', NULL), ('mirror.reconcile', NULL)) AS w (name, function_name)
     WHERE NOT EXISTS (SELECT FROM neanelu.job_handlers AS h WHERE h.job_name = w.name AND h.function_name IS NOT DISTINCT FROM w.function_name);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'without handler: %', v_bad;
    END IF;
    SELECT string_agg(w.name, ', ') INTO v_bad
      FROM (VALUES ('mirror.reconcile_due'), ('mirror.sweep')) AS w (name)
     WHERE NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = w.name AND t.shop_id IS NULL);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not scheduled: %', v_bad;
    END IF;
    SELECT string_agg(t.topic, ', ') INTO v_bad
      FROM neanelu.webhook_topics AS t
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                        WHERE p.oid = to_regprocedure(t.processor || '(uuid, text, jsonb, timestamp with time zone)')
                          AND p.prorettype = 'text'::regtype AND p.proowner = 'neanelu_engine'::regrole AND p.prosecdef);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'topics without a processor: %', v_bad;
    END IF;
    SELECT string_agg(t.topic, ', ') INTO v_bad FROM webhooks.topics() AS t WHERE t.topic NOT IN (SELECT w.topic FROM neanelu.webhook_topics AS w);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'topics that are taken and not processed: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
