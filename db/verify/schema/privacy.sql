-- Verify neanelu:schema/privacy on pg

BEGIN;

SELECT id, shop_id, topic, request_digest, subject_digest, payload, status, result, export, export_expires_at, received_at, due_at, completed_at
  FROM neanelu.privacy_requests WHERE false;

DO $verify$
BEGIN
    IF NOT (SELECT i.indisunique FROM pg_catalog.pg_index AS i WHERE i.indexrelid = 'neanelu.privacy_requests_open_key'::regclass) THEN
        RAISE EXCEPTION 'an open request can be taken twice';
    END IF;
END
$verify$;

ROLLBACK;
