-- Revert neanelu:schema/pim from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.prod_master DROP CONSTRAINT prod_master_dedupe_cluster_id_fkey;
DROP TABLE neanelu.prod_translations;
DROP TABLE neanelu.prod_quality_events;
DROP TABLE neanelu.prod_similarity_matches;
DROP TABLE neanelu.prod_proposals;
DROP TABLE neanelu.prod_channel_mappings;
DROP TABLE neanelu.prod_semantics;
DROP TABLE neanelu.prod_specs_normalized;
DROP TABLE neanelu.prod_dedupe_cluster_members;
DROP TABLE neanelu.prod_dedupe_clusters;
DROP TABLE neanelu.prod_master;
DROP TABLE neanelu.prod_extraction_sessions;
DROP TABLE neanelu.prod_raw_harvest;
DROP TABLE partman.template_neanelu_prod_raw_harvest;
DELETE FROM partman.part_config WHERE parent_table = 'neanelu.prod_raw_harvest';
DROP TABLE neanelu.prod_sources;
DROP TABLE neanelu.prod_taxonomy;

COMMIT;
