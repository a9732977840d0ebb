-- Revert neanelu:schema/budget from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.user_request_windows;
DROP TABLE neanelu.api_query_costs;
DROP TABLE neanelu.api_cost_tracking;
DROP TABLE partman.template_neanelu_api_cost_tracking;
DELETE FROM partman.part_config WHERE parent_table = 'neanelu.api_cost_tracking';
DROP TABLE neanelu.rate_limit_buckets;

COMMIT;
