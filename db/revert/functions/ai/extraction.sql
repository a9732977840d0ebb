-- Revert neanelu:functions/ai/extraction from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.take_extraction(uuid);
DROP FUNCTION ai._conclude(neanelu.ai_extractions, neanelu.ai_batch_items, integer);
DROP FUNCTION ai._read_answer(neanelu.ai_batch_items);
DROP FUNCTION ai._judge(jsonb, jsonb, text);
DROP FUNCTION ai._misfit(jsonb);
DROP FUNCTION ai._is_supported(text, text);
DROP FUNCTION ai._words(text);
DROP FUNCTION ai._fold(text);
DROP FUNCTION ai.queue_extractions(uuid[], text[], text, text, integer, integer, interval);
DROP FUNCTION ai.claim_pages(integer, interval);
DROP FUNCTION ai.request_extraction(uuid[], timestamptz[]);
DROP FUNCTION ai._extraction_body(text, text, jsonb, integer);
DROP FUNCTION ai._response_schema(jsonb);
DROP FUNCTION ai._asked(uuid);

COMMIT;
