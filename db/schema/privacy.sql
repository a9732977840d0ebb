-- Deploy neanelu:schema/privacy to pg
-- requires: schema/core
-- Requests for data and for erasure, as Shopify's three privacy webhooks bring them.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.privacy_requests (
  id                uuid NOT NULL DEFAULT uuidv7(),
  shop_id           uuid NOT NULL,
  topic             varchar(30) NOT NULL,
  request_digest    bytea NOT NULL,
  subject_digest    bytea,
  payload           jsonb,
  status            varchar(20) NOT NULL DEFAULT 'received',
  result            jsonb NOT NULL DEFAULT '{}',
  export            jsonb,
  export_expires_at timestamptz,
  received_at       timestamptz NOT NULL DEFAULT now(),
  due_at            timestamptz NOT NULL DEFAULT now() + interval '30 days',
  completed_at      timestamptz,
  CONSTRAINT privacy_requests_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT privacy_requests_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT privacy_requests_topic_check CHECK (topic IN ('customers/data_request', 'customers/redact', 'shop/redact')),
  CONSTRAINT privacy_requests_status_check CHECK (status IN ('received', 'completed', 'review', 'refused')),
  CONSTRAINT privacy_requests_digests_check
    CHECK (octet_length(request_digest) = 32 AND octet_length(subject_digest) = 32 AND (subject_digest IS NULL) = (topic = 'shop/redact')),
  CONSTRAINT privacy_requests_payload_check CHECK ((payload IS NULL) = (status <> 'received')),
  CONSTRAINT privacy_requests_completed_at_check CHECK ((completed_at IS NULL) = (status = 'received')),
  CONSTRAINT privacy_requests_export_check
    CHECK ((export IS NULL) = (export_expires_at IS NULL) AND (export IS NULL OR topic = 'customers/data_request')),
  CONSTRAINT privacy_requests_result_check CHECK (jsonb_typeof(result) = 'object')
);

CREATE UNIQUE INDEX privacy_requests_open_key ON neanelu.privacy_requests (shop_id, request_digest) WHERE status = 'received';
CREATE INDEX privacy_requests_due_idx ON neanelu.privacy_requests (due_at) WHERE status IN ('received', 'review');
CREATE INDEX privacy_requests_exports_idx ON neanelu.privacy_requests (export_expires_at) WHERE export IS NOT NULL;

COMMENT ON TABLE neanelu.privacy_requests IS
  'Requests of customers and shops for their data or its erasure, and what was done. Written by schema privacy. A fulfilled '
  'erasure keeps no personal data: neither what Shopify sent nor whom it was about, only a digest.';
COMMENT ON COLUMN neanelu.privacy_requests.id IS 'Request id.';
COMMENT ON COLUMN neanelu.privacy_requests.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.privacy_requests.topic IS 'Topic of the webhook that asked.';
COMMENT ON COLUMN neanelu.privacy_requests.request_digest IS 'SHA-256 of topic and payload: the same request is taken once while it is open.';
COMMENT ON COLUMN neanelu.privacy_requests.subject_digest IS
  'SHA-256 of shop and customer: tells whether a customer was erased here to whoever asks with the customer''s id; null for shop/redact.';
COMMENT ON COLUMN neanelu.privacy_requests.payload IS 'What Shopify sent (personal data); null once fulfilled.';
COMMENT ON COLUMN neanelu.privacy_requests.status IS
  'received; completed; review: erased, but traces were found in places where only a person can decide (result names them); refused: the shop had installed again.';
COMMENT ON COLUMN neanelu.privacy_requests.result IS 'What was done: rows a place, traces left.';
COMMENT ON COLUMN neanelu.privacy_requests.export IS 'The customer''s data, for customers/data_request; null once expired.';
COMMENT ON COLUMN neanelu.privacy_requests.export_expires_at IS 'When the export is deleted.';
COMMENT ON COLUMN neanelu.privacy_requests.received_at IS 'When the webhook was processed.';
COMMENT ON COLUMN neanelu.privacy_requests.due_at IS 'Shopify asks that requests are fulfilled within 30 days.';
COMMENT ON COLUMN neanelu.privacy_requests.completed_at IS 'When it was fulfilled or refused.';

COMMIT;
