-- Deploy neanelu:policies/harvest to pg
-- requires: schema/harvest
-- requires: policies/pim
-- Like the PIM, harvest is global: no policies, the engine writes, editors, analysts and operators read. The harvester sees no
-- table, it calls functions. Validators and lease tokens are nobody's business.

BEGIN;

SET LOCAL ROLE neanelu_owner;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.harvest_pages, neanelu.harvest_buckets, neanelu.harvest_leases, neanelu.harvest_imports, neanelu.harvest_errors
    TO neanelu_engine;
GRANT SELECT ON neanelu.harvest_fields, neanelu.harvest_evidence TO neanelu_engine;
GRANT SELECT ON
    neanelu.harvest_pages, neanelu.harvest_buckets, neanelu.harvest_imports, neanelu.harvest_errors, neanelu.harvest_fields,
    neanelu.harvest_evidence
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT SELECT (queue_id, bucket_id, run_id, worker, expires_at) ON neanelu.harvest_leases TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
