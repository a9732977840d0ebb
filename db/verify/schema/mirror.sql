-- Verify neanelu:schema/mirror on pg

BEGIN;

SELECT topic, processor, locks, fetch_after FROM neanelu.webhook_topics WHERE false;
SELECT shop_id, kind, object_id, part_id, deleted_at, created_at FROM neanelu.mirror_tombstones WHERE false;
SELECT shop_id, resource, object_id, wanted_at, due_at, claimed_at, fetched_at, failures, error FROM neanelu.mirror_fetches WHERE false;
SELECT id, shop_id, resource, status, horizon, recent_from, born_from, questions, asked, missing, outdated, extra, repair, run_id, started_at, ended_at
  FROM neanelu.mirror_comparisons WHERE false;

DO $verify$
BEGIN
    IF EXISTS (SELECT FROM neanelu.webhook_topics AS t, unnest(t.locks) AS l (resource)
                WHERE NOT EXISTS (SELECT FROM neanelu.sync_resources AS r WHERE r.resource = l.resource)) THEN
        RAISE EXCEPTION 'webhook_topics.locks names a resource that does not exist';
    END IF;
    IF (SELECT count(*) FROM neanelu.webhook_topics) < 38 THEN
        RAISE EXCEPTION 'topics are missing';
    END IF;
END
$verify$;

ROLLBACK;
