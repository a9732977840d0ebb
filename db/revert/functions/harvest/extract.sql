-- Revert neanelu:functions/harvest/extract from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.extract_structured(integer);
DROP FUNCTION harvest._hand_to_model(uuid[], timestamptz[]);
DROP FUNCTION harvest._extract_some(uuid[], timestamptz[]);
DROP FUNCTION harvest._extract(uuid[], timestamptz[]);
DROP FUNCTION harvest._read_documents(uuid[], timestamptz[]);
DROP FUNCTION harvest._read_pairs(uuid[], timestamptz[]);
DROP FUNCTION harvest._mapping(jsonb);
DROP FUNCTION harvest._split_price(jsonb);
DROP FUNCTION harvest._members(text, jsonb, boolean);
DROP FUNCTION harvest._offer(jsonb);
DROP FUNCTION harvest._product(jsonb);
DROP FUNCTION harvest._field_value(text, jsonb);
DROP FUNCTION harvest._first(jsonb);
DROP FUNCTION harvest._plain(jsonb);
DROP FUNCTION harvest._scalar(jsonb);
DROP FUNCTION harvest._unit(jsonb);
DROP FUNCTION harvest._fold(text);

COMMIT;
