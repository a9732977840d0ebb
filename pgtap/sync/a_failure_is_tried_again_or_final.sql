BEGIN;
SELECT plan(39);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE FUNCTION pg_temp.fail(p_code text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT * INTO v_run FROM bulk_runs WHERE status IN ('pending', 'running');
    IF NOT FOUND THEN
        PERFORM sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products');
    END IF;
    UPDATE bulk_runs SET not_before = clock_timestamp() WHERE status = 'pending';
    SELECT * INTO v_run FROM sync.claim_run('tap');
    PERFORM sync.reserve_operation(v_run.id, v_run.lease_token);
    PERFORM sync.record_operation(v_run.id, v_run.lease_token, 'gid://shopify/BulkOperation/1');
    RETURN sync.fail_run(v_run.id, v_run.lease_token, p_code, 'because');
END
$$;

-- Once each; what was tried again is cancelled for the next.
CREATE FUNCTION pg_temp.fate(p_code text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_fate text := pg_temp.fail(p_code);
BEGIN
    PERFORM sync.cancel_run(id) FROM bulk_runs WHERE status = 'pending';
    RETURN v_fate;
END
$$;
SELECT is(pg_temp.fate(code), 'pending', code || ' may pass')
  FROM unnest(ARRAY['08006', '53100', '57P01', '40P01', '55P03', 'NS021', 'NS024', 'NS031', 'NS032', 'NS040', 'NS041', 'NS042', 'NS051', 'NS052']) AS code;
SELECT is(pg_temp.fate(code), 'failed', code || ' will not')
  FROM unnest(ARRAY['23514', '42501', 'NS020', 'NS022', 'NS030', 'NS061', 'NS062', 'NS063', 'XX000', 'NK001']) AS code;

SELECT is(pg_temp.fail('NS040'), 'pending', 'first failure');
SELECT is(pg_temp.fail('NS040'), 'pending', 'second');
SELECT is(pg_temp.fail('NS040'), 'pending', 'third');
SELECT is((SELECT retry_count FROM bulk_runs WHERE status = 'pending'), 3, 'counted');
SELECT ok((SELECT not_before > clock_timestamp() + interval '8 seconds' FROM bulk_runs WHERE status = 'pending'), 'the pause grows: 5 s twice doubled, less jitter');
SELECT is((SELECT shopify_operation_id FROM bulk_runs WHERE status = 'pending'), 'gid://shopify/BulkOperation/1', 'the operation is kept for a failed download');
SELECT is_empty($$SELECT * FROM sync.claim_run('tap')$$, 'nobody takes it before');
SELECT is(pg_temp.fail('NS042'), 'failed', 'the fourth is the last');
CREATE TEMP VIEW last AS SELECT * FROM bulk_runs ORDER BY id DESC LIMIT 1;
SELECT results_eq($$SELECT error_code, error_message, leased_by, lease_token, result_url FROM last$$,
                  $$VALUES ('NS042', 'because', NULL, NULL::uuid, NULL)$$, 'why is noted, lease and URL are gone');
SELECT is((SELECT shopify_operation_id FROM last), NULL, 'an operation whose file was not what it announced is forgotten');
SELECT ok((SELECT completed_at >= created_at FROM last), 'it ended');
SELECT is((SELECT array_agg(DISTINCT s.status::text) FROM bulk_steps AS s JOIN last AS r ON r.id = s.bulk_run_id WHERE s.step_name = 'poll'), '{failed}', 'as did its step');
SELECT isnt(sync.retry_run(id), id, 'asked anew, it is another run') FROM last;
SELECT count(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products'));
SELECT is((SELECT status::text FROM last), 'pending', 'as a run of its own');
SELECT is((SELECT retry_count FROM last), 0, 'with all its tries');

SELECT * FROM finish();
ROLLBACK;
