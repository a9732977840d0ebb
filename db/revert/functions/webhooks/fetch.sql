-- Revert neanelu:functions/webhooks/fetch from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_bulk_runs__refetch ON neanelu.bulk_runs;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks.tg_bulk_runs__refetch();
DROP FUNCTION webhooks.next_fetch(uuid);
DROP FUNCTION webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz);
DROP FUNCTION webhooks._lock_whole(uuid, text);
DROP FUNCTION webhooks._root_of(neanelu.bulk_runs, neanelu.bulk_lines);
DROP FUNCTION webhooks._end_fetches(neanelu.bulk_runs, bigint[], timestamptz);
DROP FUNCTION webhooks._without_values(text);
DROP FUNCTION webhooks._into_ledger(neanelu.bulk_runs, bigint[]);
DROP FUNCTION webhooks._vanish_variants(neanelu.bulk_runs);
DROP FUNCTION webhooks._sees_all_orders(uuid);
DROP FUNCTION webhooks._vanish(neanelu.bulk_runs, text, bigint[]);
DROP FUNCTION webhooks._merge(neanelu.bulk_runs, neanelu.sync_tables[]);
DROP FUNCTION webhooks._stage(neanelu.bulk_runs, neanelu.sync_tables[]);
DROP FUNCTION webhooks._land(neanelu.bulk_runs, text[]);
DROP FUNCTION webhooks._as_run(uuid, text, integer, timestamptz);
DROP FUNCTION webhooks.fetch_kind(text);
DROP FUNCTION webhooks.forget_claims(uuid);
DROP FUNCTION webhooks.release_fetches(uuid, text, bigint[], timestamptz);
DROP FUNCTION webhooks._leave_to_bulk(uuid, text, timestamptz);
DROP FUNCTION webhooks.claim_fetches(uuid, integer);

COMMIT;
