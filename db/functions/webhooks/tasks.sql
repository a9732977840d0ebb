-- Deploy neanelu:functions/webhooks/tasks to pg
-- requires: functions/webhooks/process
-- requires: functions/webhooks/compare
-- requires: functions/webhooks/receive
-- Jobs of the mirror: who does them, and which recur.

BEGIN;

SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, webhooks, jobs, extensions, pg_temp;

-- What a processor raises that is not the payload's fault (a deadlock, a lock, a defect) is tried again, eight times within some minutes.
SELECT jobs.register_handler('webhook.process', 'webhooks', 'database', 'webhooks.process(uuid, jsonb)', 8, '60 seconds', '2 seconds');
SELECT jobs.register_handler('mirror.fetch', 'sync', 'daemon', NULL, 8, '5 minutes', '10 seconds', '{NH002,NH006,NS020}');
SELECT jobs.register_handler('mirror.reconcile', 'sync', 'daemon', NULL, 5, '10 minutes', '1 minute', '{NH002,NH006,NS020,NW020}');
SELECT jobs.register_handler('mirror.reconcile_due', 'maintenance', 'database', 'webhooks.reconcile_due(uuid, jsonb)', 3, '5 minutes', '30 seconds');
SELECT jobs.register_handler('mirror.sweep', 'maintenance', 'database', 'webhooks.sweep(uuid, jsonb)', 3, '5 minutes', '1 minute');

SELECT jobs.schedule('mirror.reconcile_due', '7,22,37,52 * * * *', 'maintenance', 'mirror.reconcile_due', p_missed => 'skip');
SELECT jobs.schedule('mirror.sweep', '40 3 * * *', 'maintenance', 'mirror.sweep');

COMMIT;
