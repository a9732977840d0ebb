-- Revert neanelu:functions/ai/vectors from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.index_statements(text, boolean);
DROP FUNCTION ai.list_waiting(text);
DROP FUNCTION ai.list_models();
DROP FUNCTION ai.use_model(text);
DROP FUNCTION ai.fail_texts(text[], text[], boolean);
DROP FUNCTION ai._fail(uuid[], text[], boolean);
DROP FUNCTION ai.store_vectors(text[], text[]);
DROP FUNCTION ai._keep_vectors(uuid[], extensions.vector[]);
DROP FUNCTION ai._vector(text, integer);
DROP FUNCTION ai._padded(extensions.vector);

COMMIT;
