-- Revert neanelu:functions/harvest/queue from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.refresh_pages();
DROP FUNCTION harvest.list_pages(uuid, text[], integer);
DROP FUNCTION harvest.metrics();
DROP FUNCTION harvest.close_runs(integer);
DROP FUNCTION harvest.note_crawl_delay(uuid, numeric);
DROP FUNCTION harvest.release_url(uuid, uuid);
DROP FUNCTION harvest.fail_url(uuid, uuid, text, text, boolean, boolean, interval);
DROP FUNCTION harvest._pause(integer, numeric);
DROP FUNCTION harvest.complete_url(uuid, uuid, jsonb, text, jsonb, text[]);
DROP FUNCTION harvest._store_page(uuid, text, jsonb, text, jsonb);
DROP FUNCTION harvest._count_page(uuid, uuid, integer, integer, jsonb, boolean);
DROP FUNCTION harvest._end_lease(uuid, uuid);
DROP FUNCTION harvest.outlook();
DROP FUNCTION harvest.claim_urls(text, integer, interval);
DROP FUNCTION harvest._claimed(uuid[]);
DROP FUNCTION harvest._release_expired();
DROP FUNCTION harvest._take(uuid, uuid[], integer, text, interval);
DROP FUNCTION harvest._current_run(uuid);
DROP FUNCTION harvest._make_buckets();
DROP FUNCTION harvest._due_buckets();
DROP FUNCTION harvest._tokens(neanelu.harvest_buckets, jsonb, timestamptz);
DROP FUNCTION harvest._limits(jsonb);
DROP FUNCTION harvest.enqueue_urls(uuid, text[], integer, integer, text, boolean);
DROP FUNCTION harvest._belongs(text, text, text);

COMMIT;
