BEGIN;
SELECT plan(9);


SELECT results_eq($$SELECT parent_table::text FROM ops.partition_report() WHERE now() >= from_time AND now() < until_time ORDER BY 1$$,
                  $$SELECT parent_table FROM partman.part_config WHERE parent_table LIKE 'neanelu.%' ORDER BY 1$$, 'every partitioned table has a partition for now');
SELECT cmp_ok((SELECT count(*) FROM ops.partition_report() WHERE from_time > now()), '>=', 8::bigint, 'and four to come');
SELECT is_empty('SELECT * FROM ops.partition_report() WHERE problem IS NOT NULL', 'nothing is wrong with them');
INSERT INTO webhook_events (topic, payload, created_at) VALUES ('orders/create', '{}', now() - interval '10 years');
SELECT results_eq($$SELECT partition_name FROM ops.partition_report() WHERE problem = 'rows outside of all months'$$,
    $$VALUES ('webhook_events_default')$$, 'a row that belongs to no month is reported');

-- A month past its retention, one that is not, and one to come that somebody took away.
GRANT neanelu_owner TO CURRENT_USER;
SET LOCAL ROLE neanelu_owner;
SELECT partman.create_partition_time('neanelu.webhook_events', ARRAY[date_trunc('month', now() - interval '6 months')]);
SELECT partman.create_partition_time('neanelu.audit_logs', ARRAY[date_trunc('month', now() - interval '20 months')]);
RESET ROLE;
CREATE TEMP TABLE wanted AS
SELECT format('webhook_events_p%s', to_char(now() - interval '6 months', 'YYYYMM01')) AS old_events,
       format('audit_logs_p%s', to_char(now() - interval '20 months', 'YYYYMM01')) AS old_audit;
SELECT has_table('neanelu', (SELECT old_events FROM wanted), 'there is an old month');
SELECT cmp_ok(ops.maintain_partitions(), '>=', 1, 'maintenance covers what was made');
SELECT hasnt_table('neanelu', (SELECT old_events FROM wanted), 'a month past retention is dropped');
SELECT has_table('neanelu', (SELECT old_audit FROM wanted), 'one within it is kept');
SELECT is_empty($$SELECT * FROM ops.partition_report() WHERE problem LIKE 'no %'$$, 'all are covered, and next month is there');

SELECT * FROM finish();
ROLLBACK;
