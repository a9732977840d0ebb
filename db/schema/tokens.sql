-- Deploy neanelu:schema/tokens to pg
-- requires: schema/core
-- Module A: refresh tokens and lifetimes of shops whose access tokens expire. The access token itself stays in shops.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shop_tokens (
  shop_id            uuid NOT NULL,
  refresh_token      bytea NOT NULL,
  access_expires_at  timestamptz NOT NULL,
  refresh_expires_at timestamptz,
  pair_id            uuid NOT NULL DEFAULT uuidv7(),
  status             varchar(20) NOT NULL DEFAULT 'valid',
  stored_at          timestamptz NOT NULL DEFAULT now(),
  attempt_id         uuid,
  asked_by           text,
  asked_at           timestamptz,
  unanswered_since   timestamptz,
  lease_expires_at   timestamptz,
  not_before         timestamptz,
  failures           integer NOT NULL DEFAULT 0,
  refused_at         timestamptz,
  error_code         varchar(5),
  error_message      text,
  CONSTRAINT shop_tokens_pkey PRIMARY KEY (shop_id),
  CONSTRAINT shop_tokens_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT shop_tokens_refresh_token_check CHECK (octet_length(refresh_token) > 32),
  CONSTRAINT shop_tokens_expiry_check CHECK (isfinite(access_expires_at) AND isfinite(refresh_expires_at)),
  CONSTRAINT shop_tokens_failures_check CHECK (failures >= 0),
  CONSTRAINT shop_tokens_status_check CHECK (status IN ('valid', 'refreshing', 'refused')),
  CONSTRAINT shop_tokens_refreshing_check
    CHECK ((status = 'refreshing') = (lease_expires_at IS NOT NULL) AND (status <> 'refreshing' OR num_nulls(asked_at, attempt_id) = 0)),
  CONSTRAINT shop_tokens_refused_check
    CHECK ((status = 'refused') = (refused_at IS NOT NULL) AND (status <> 'refused' OR error_code IS NOT NULL)),
  CONSTRAINT shop_tokens_error_check CHECK ((error_code IS NULL) = (error_message IS NULL))
);

CREATE INDEX idx_shop_tokens_due ON neanelu.shop_tokens (access_expires_at) WHERE status <> 'refused';

COMMENT ON TABLE neanelu.shop_tokens IS
  'Shops whose access token expires: the refresh token, and who is fetching the next pair. A shop without a row has a token '
  'that does not expire. Written by the functions of shops; erased at uninstall. Nobody but the engine reads it.';
COMMENT ON COLUMN neanelu.shop_tokens.shop_id IS 'Tenant; one row each.';
COMMENT ON COLUMN neanelu.shop_tokens.refresh_token IS
  'Refresh token, AES-256-GCM, packed: key version (4 bytes), IV (12), tag (16), ciphertext. Shopify takes it once.';
COMMENT ON COLUMN neanelu.shop_tokens.access_expires_at IS 'When the access token in shops ends, by our clock when the answer came.';
COMMENT ON COLUMN neanelu.shop_tokens.refresh_expires_at IS 'When the refresh token ends; null where Shopify did not say.';
COMMENT ON COLUMN neanelu.shop_tokens.pair_id IS 'Names the pair of access and refresh token; a pair that was fetched to follow another one is dropped.';
COMMENT ON COLUMN neanelu.shop_tokens.status IS
  'valid; refreshing (somebody asked Shopify, the answer is not stored); refused (Shopify does not take the refresh token: the shop must '
  'authorise the app again).';
COMMENT ON COLUMN neanelu.shop_tokens.stored_at IS 'When the pair was stored.';
COMMENT ON COLUMN neanelu.shop_tokens.attempt_id IS 'Names the last attempt to refresh; who asks shows it, and an earlier one has no say.';
COMMENT ON COLUMN neanelu.shop_tokens.asked_by IS 'Name of the last refresher, for people.';
COMMENT ON COLUMN neanelu.shop_tokens.asked_at IS 'When the last attempt began.';
COMMENT ON COLUMN neanelu.shop_tokens.unanswered_since IS
  'Since when the refresh token may have been used without us having the answer: a refresher died, or the connection broke. Null when '
  'no answer is missing.';
COMMENT ON COLUMN neanelu.shop_tokens.lease_expires_at IS 'Until when nobody else asks; only while refreshing.';
COMMENT ON COLUMN neanelu.shop_tokens.not_before IS 'Pause after a failure: no attempt before.';
COMMENT ON COLUMN neanelu.shop_tokens.failures IS 'Failures since the pair was stored.';
COMMENT ON COLUMN neanelu.shop_tokens.refused_at IS 'When Shopify refused the refresh token; only when refused.';
COMMENT ON COLUMN neanelu.shop_tokens.error_code IS 'Code of the last failure, see docs/errors.md; null after a success.';
COMMENT ON COLUMN neanelu.shop_tokens.error_message IS 'What the last failure was; never has a token in it.';

COMMIT;
