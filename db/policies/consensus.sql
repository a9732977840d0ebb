-- Deploy neanelu:policies/consensus to pg
-- requires: schema/consensus
-- requires: policies/pim
-- requires: functions/audit/capture
-- Editors read rules and decisions and change them through functions; nobody but the engine writes. Golden records and what
-- people decide are audited.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_trust_observations, neanelu.prod_source_trust
    TO neanelu_engine;
GRANT SELECT ON
    neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_trust_observations, neanelu.prod_source_trust
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT TRIGGER ON neanelu.prod_master, neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_source_trust
    TO neanelu_engine;

SET LOCAL ROLE neanelu_engine;

DO $attach$
BEGIN
    PERFORM audit.attach('neanelu.prod_master', '{UPDATE, DELETE}');
    PERFORM audit.attach('neanelu.prod_survivorship_rules');
    PERFORM audit.attach('neanelu.prod_field_decisions');
    PERFORM audit.attach('neanelu.prod_source_trust', '{UPDATE, DELETE}');
END
$attach$;

COMMIT;
