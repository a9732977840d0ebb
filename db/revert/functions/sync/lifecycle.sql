-- Revert neanelu:functions/sync/lifecycle from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.retry_run(uuid, boolean);
DROP FUNCTION sync.cancel_run(uuid);
DROP FUNCTION sync.fail_run(uuid, uuid, text, text, text);
DROP FUNCTION sync._is_retryable(text);
DROP FUNCTION sync.record_artifact(uuid, uuid, text, text, text, bigint, integer, text, timestamptz);
DROP FUNCTION sync.signal_operation(uuid, text);
DROP FUNCTION sync.record_poll(uuid, uuid, jsonb);
DROP FUNCTION sync.record_operation(uuid, uuid, text, timestamptz);
DROP FUNCTION sync.reserve_operation(uuid, uuid);
DROP FUNCTION sync._end_step(neanelu.bulk_runs, text, jsonb, bigint);
DROP FUNCTION sync._begin_step(neanelu.bulk_runs, text, jsonb);
DROP FUNCTION sync.release_run(uuid, uuid, interval);
DROP FUNCTION sync.renew_lease(uuid, uuid, interval);
DROP FUNCTION sync._leased_run_shared(uuid, uuid);
DROP FUNCTION sync._leased_run_seen(uuid, uuid);
DROP FUNCTION sync._leased_run(uuid, uuid);
DROP FUNCTION sync.claim_run(text, interval, uuid, uuid);
DROP FUNCTION sync._is_claimable(neanelu.bulk_runs);
DROP FUNCTION sync.run_states(uuid[]);
DROP FUNCTION sync.request_run(uuid, text, text, text, text, boolean);
DROP FUNCTION sync._incremental_start(uuid, text);
DROP FUNCTION sync.resources();
DROP FUNCTION sync.operation_slots(text);
DROP FUNCTION sync._setting(text, numeric);

COMMIT;
