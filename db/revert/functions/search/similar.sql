-- Revert neanelu:functions/search/similar from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION search.similar_products(uuid, uuid, integer, text);
DROP FUNCTION search.by_vector(uuid, extensions.vector, integer, text);
DROP FUNCTION ai._nearest(neanelu.embedding_models, uuid, text, extensions.vector, integer);
DROP FUNCTION ai._nearest_by_graph(neanelu.embedding_models, uuid, text, extensions.vector, integer);
DROP FUNCTION ai._nearest_exact(neanelu.embedding_models, uuid, text, extensions.vector, integer);
DROP FUNCTION ai._source(neanelu.embedding_models, uuid, text);
DROP FUNCTION ai._indexed(neanelu.embedding_models, text);
DROP FUNCTION ai._query_vector(neanelu.embedding_models, extensions.vector);

COMMIT;
