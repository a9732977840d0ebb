-- Revert neanelu:functions/pim/translations from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_prod_semantics__stale_update ON neanelu.prod_semantics;
DROP TRIGGER tg_prod_semantics__stale_insert ON neanelu.prod_semantics;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.approve_translations(uuid[], text, boolean);
DROP FUNCTION pim.set_translations(jsonb, text);
DROP FUNCTION pim.untranslated(text, integer);
DROP FUNCTION pim.tg_prod_semantics__stale();
DROP FUNCTION pim._source_hash(text, text);

COMMIT;
