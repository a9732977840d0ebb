-- Revert neanelu:policies/harvest from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON
    neanelu.harvest_pages, neanelu.harvest_buckets, neanelu.harvest_leases, neanelu.harvest_imports, neanelu.harvest_errors,
    neanelu.harvest_fields, neanelu.harvest_evidence
    FROM neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE SELECT (queue_id, bucket_id, run_id, worker, expires_at) ON neanelu.harvest_leases
    FROM neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
