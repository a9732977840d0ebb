-- Revert neanelu:functions/ai/text_batches from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai._finish_texts(neanelu.ai_batch_runs, text, interval);
DROP FUNCTION ai._take_vectors(neanelu.ai_batch_runs, text[], integer[], text[], text[]);
DROP FUNCTION ai._restart_take(uuid);
DROP FUNCTION ai._text_lines(uuid, text, integer);
DROP FUNCTION ai.begin_text_batch(text, integer, interval);

COMMIT;
