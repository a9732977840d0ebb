-- Revert neanelu:functions/ai/texts from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.collect_due(text, integer, interval);
DROP FUNCTION ai.collect_words(uuid, integer);
DROP FUNCTION ai.release_texts(uuid, interval, boolean);
DROP FUNCTION ai.claim_texts(text, integer, bigint, interval, uuid, uuid, text);
DROP FUNCTION ai.vectors_of(text[], text);
DROP FUNCTION ai.request_vectors(text[], text);
DROP FUNCTION ai.recheck_texts(text);
DROP FUNCTION ai.collect_texts(text, text, uuid, integer, text, uuid[]);
DROP FUNCTION ai._queue(text, uuid, uuid[], text, neanelu.embedding_models);
DROP FUNCTION ai._texts(text, uuid, uuid[], text, neanelu.embedding_models);
DROP FUNCTION ai._next_page(text, text, uuid, integer);
DROP FUNCTION ai._changed(text, uuid, xid8, uuid, integer);
DROP FUNCTION ai._attribute_texts(uuid[]);
DROP FUNCTION ai._shop_product_texts(uuid, uuid[], text);
DROP FUNCTION ai._product_texts(uuid[], text);
DROP FUNCTION ai._hash(text);
DROP FUNCTION ai._cut(text, integer);
DROP FUNCTION ai._plain(text);
DROP FUNCTION ai._spoken(jsonb);
DROP FUNCTION ai._model(text);

COMMIT;
