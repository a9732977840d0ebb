BEGIN;
SELECT plan(5);

\ir ../as_login.psql


SELECT isnt(pg_temp.as_login('neanelu_worker', 'SELECT ops.maintain_partitions()'), '42501', 'the worker may');
SELECT cmp_ok(pg_temp.as_login('neanelu_operator', 'SELECT ops.maintain_partitions()'), '=', '0', 'an operator may, and the second time finds nothing to cover');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT ops.maintain_partitions()'), '42501', 'the sync daemon may not');
SELECT cmp_ok(pg_temp.as_login('neanelu_auditor', 'SELECT count(*) > 10 FROM ops.partition_report()'), '=', 'true', 'auditors see the report');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT count(*) FROM ops.partition_report()'), '42501', 'analysts do not');

SELECT * FROM finish();
ROLLBACK;
