-- Revert neanelu:functions/ai/batches from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.fail_batch(uuid, uuid, text, text, interval, boolean);
DROP FUNCTION ai._fail_batch(neanelu.ai_batch_runs, text, text, interval, boolean);
DROP FUNCTION ai.finish_batch(uuid, uuid, interval);
DROP FUNCTION ai._give_up(uuid[], text, text);
DROP FUNCTION ai._account(neanelu.ai_batch_runs, text, text);
DROP FUNCTION ai._after_items(uuid[]);
DROP FUNCTION ai.take_results(uuid, uuid, text[], integer[], text[], text[]);
DROP FUNCTION ai._int(jsonb);
DROP FUNCTION ai._usable(text);
DROP FUNCTION ai._is_retried(integer, text);
DROP FUNCTION ai.record_poll(uuid, uuid, jsonb, interval, interval, interval);
DROP FUNCTION ai.record_submitted(uuid, uuid, text, timestamptz, interval);
DROP FUNCTION ai.record_upload(uuid, uuid, text);
DROP FUNCTION ai.batch_lines(uuid, uuid, text, integer);
DROP FUNCTION ai.release_batch(uuid, uuid, interval, text);
DROP FUNCTION ai.extend_batch(uuid, uuid, interval);
DROP FUNCTION ai.claim_batch(text, text, interval, integer);
DROP FUNCTION ai._next_step(neanelu.ai_batch_runs, integer);
DROP FUNCTION ai._begin(neanelu.ai_batch_runs, integer);
DROP FUNCTION ai._let_go(uuid, interval, text);
DROP FUNCTION ai._held(uuid, uuid);
DROP FUNCTION ai._mark(uuid, text, text, numeric, text);
DROP FUNCTION ai._status(uuid);

COMMIT;
