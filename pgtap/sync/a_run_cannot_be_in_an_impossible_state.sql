-- What the functions keep, the table refuses to anybody.
BEGIN;
SELECT plan(21);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE asked AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products') AS id;

-- Each change alone, on a run that waits; the constraint that refuses it.
CREATE FUNCTION pg_temp.refused_by(p_change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_name text;
BEGIN
    EXECUTE 'UPDATE bulk_runs SET ' || p_change;
    RETURN NULL;
EXCEPTION WHEN check_violation OR unique_violation THEN
    GET STACKED DIAGNOSTICS v_name = CONSTRAINT_NAME;
    RETURN v_name;
END
$$;
SELECT is(pg_temp.refused_by(change), name, name || ': ' || change)
  FROM (VALUES
    ('status = ''singing''', 'bulk_runs_status_check'),
    ('mode = ''backwards''', 'bulk_runs_mode_check'),
    ('status = ''completed''', 'bulk_runs_complete_check'),
    ('completed_at = now()', 'bulk_runs_ended_check'),
    ('status = ''cancelled'', completed_at = created_at - interval ''1 s''', 'bulk_runs_order_check'),
    ('status = ''failed'', completed_at = clock_timestamp()', 'bulk_runs_failure_check'),
    ('status = ''completed'', completed_at = clock_timestamp(), lines_in = 10, lines_merged = 9', 'bulk_runs_reconciled_check'),
    ('status = ''completed'', completed_at = clock_timestamp(), lines_in = 10, lines_merged = 11', 'bulk_runs_reconciled_check'),
    ('lines_merged = -1', 'bulk_runs_counts_check'),
    ('is_partial = true, rows_tombstoned = 1', 'bulk_runs_partial_check'),
    ('mode = ''incremental'', rows_tombstoned = 1', 'bulk_runs_tombstone_check'),
    ('filter_from = now()', 'bulk_runs_filter_check'),
    ('leased_by = ''me''', 'bulk_runs_lease_check'),
    ('leased_by = ''me'', lease_token = gen_random_uuid(), lease_expires_at = now()', 'bulk_runs_lease_state_check'),
    ('retry_count = -1', 'bulk_runs_retry_check')) AS t (change, name);
SELECT is(pg_temp.refused_by('status = ''completed'', completed_at = clock_timestamp(), lines_in = 15, lines_merged = 1, lines_unchanged = 2, lines_quarantined = 3, lines_duplicate = 4, lines_ignored = 5'),
          NULL, 'sums that reconcile are taken');

SELECT throws_ok($$INSERT INTO bulk_counts (shop_id, bulk_run_id, kind, lines, merged) SELECT '00000000-0000-7000-8000-0000000000a1', id, 'Product', 2, 1 FROM asked$$,
                 '23514', NULL, 'nor does a kind''s count leave a line out');
SELECT lives_ok($$INSERT INTO sync_checkpoints (shop_id, resource_type, last_run_id, last_sync_at) SELECT '00000000-0000-7000-8000-0000000000a1', 'products', id, now() FROM asked$$,
                'a checkpoint follows a completed run');
UPDATE bulk_runs SET status = 'failed', error_message = 'x';
SELECT throws_ok($$UPDATE sync_checkpoints SET last_sync_at = clock_timestamp()$$, 'NS064', NULL, 'not a failed one');
SELECT throws_ok($$UPDATE sync_checkpoints SET high_water_mark = now(), last_run_id = NULL$$, 'NS064', NULL, 'nor none at all');
SELECT throws_ok($$INSERT INTO sync_checkpoints (shop_id, resource_type, last_run_id, last_sync_at) VALUES ('00000000-0000-7000-8000-0000000000a1', 'orders', gen_random_uuid(), now())$$,
                 'NS064', NULL, 'nor one that does not exist');

SELECT * FROM finish();
ROLLBACK;
