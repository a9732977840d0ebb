-- Deploy neanelu:schema/core to pg
-- Module A: shops, staff, sessions, OAuth, key rotations, flags, configuration, migration history.
--
-- Deleting a shop: data that is worth keeping (staff) refuses it (RESTRICT), so that only an erasure that empties
-- the tables in order can remove a shop; what is only transient (sessions, nonces) goes with it (CASCADE). An
-- uninstalled shop keeps its row.

BEGIN;

-- Operators of citext are found through the search path; a session without them compares case-sensitively and past
-- the index, silently. So sessions of this database get a path that has them, unless somebody set another.
DO $path$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s, unnest(s.setconfig) AS c (setting)
             WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
               AND s.setrole = 0 AND c.setting LIKE 'search\_path=%') THEN
    RAISE NOTICE 'search_path of database % is left as it is; it should contain neanelu and extensions', current_database();
  ELSIF pg_catalog.pg_has_role(current_user, (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE') THEN
    EXECUTE format('ALTER DATABASE %I SET search_path = neanelu, public, extensions', current_database());
  ELSE
    RAISE WARNING 'role % does not own database %: its search_path is left as it is', current_user, current_database()
      USING HINT = 'The owner should run: ALTER DATABASE … SET search_path = neanelu, public, extensions;';
  END IF;
END
$path$;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shops (
  id                      uuid NOT NULL DEFAULT uuidv7(),
  shopify_domain          extensions.citext NOT NULL,
  shopify_shop_id         bigint,
  plan_tier               varchar(20) NOT NULL DEFAULT 'basic',
  api_version             varchar(20) NOT NULL DEFAULT '2026-10',
  access_token_ciphertext bytea,
  access_token_iv         bytea,
  access_token_tag        bytea,
  webhook_secret          bytea,
  key_version             integer NOT NULL DEFAULT 1,
  scopes                  text[] NOT NULL,
  timezone                varchar(50) NOT NULL DEFAULT 'Europe/Bucharest',
  currency_code           varchar(3) NOT NULL DEFAULT 'RON',
  settings                jsonb NOT NULL DEFAULT '{}',
  installed_at            timestamptz NOT NULL DEFAULT now(),
  uninstalled_at          timestamptz,
  created_at              timestamptz NOT NULL DEFAULT now(),
  updated_at              timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shops_pkey PRIMARY KEY (id),
  CONSTRAINT shops_shopify_domain_check CHECK (shopify_domain::text ~* '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'),
  CONSTRAINT shops_shopify_shop_id_check CHECK (shopify_shop_id > 0),
  CONSTRAINT shops_plan_tier_check CHECK (plan_tier IN ('basic', 'pro', 'enterprise')),
  CONSTRAINT shops_api_version_check CHECK (api_version ~ '^[0-9]{4}-(01|04|07|10)$|^unstable$'),
  CONSTRAINT shops_token_while_installed_check
    CHECK (num_nonnulls(access_token_ciphertext, access_token_iv, access_token_tag)
      = CASE WHEN uninstalled_at IS NULL THEN 3 ELSE 0 END),
  CONSTRAINT shops_token_sizes_check
    CHECK (octet_length(access_token_iv) = 12 AND octet_length(access_token_tag) = 16),
  CONSTRAINT shops_key_version_check CHECK (key_version > 0),
  CONSTRAINT shops_currency_code_check CHECK (currency_code ~ '^[A-Z]{3}$'),
  CONSTRAINT shops_settings_check CHECK (jsonb_typeof(settings) = 'object'),
  CONSTRAINT shops_install_order_check CHECK (uninstalled_at >= installed_at)
);

CREATE UNIQUE INDEX idx_shops_domain ON neanelu.shops (shopify_domain);
CREATE INDEX idx_shops_plan ON neanelu.shops (plan_tier);
CREATE UNIQUE INDEX idx_shops_shopify_id ON neanelu.shops (shopify_shop_id) WHERE shopify_shop_id IS NOT NULL;

COMMENT ON TABLE neanelu.shops IS
  'Tenant registry: one row per Shopify shop that ever installed the app. Tenants reach it only through '
  'a view that shows their own shop without secrets.';
COMMENT ON COLUMN neanelu.shops.id IS 'Shop id; the tenant key (shop_id) of every tenant table.';
COMMENT ON COLUMN neanelu.shops.shopify_domain IS
  'Permanent domain, <name>.myshopify.com; the host the daemons talk to, therefore checked strictly.';
COMMENT ON COLUMN neanelu.shops.shopify_shop_id IS
  'Numeric id of the shop at Shopify; null until the first call answered.';
COMMENT ON COLUMN neanelu.shops.plan_tier IS 'Plan with us, not with Shopify: basic, pro or enterprise.';
COMMENT ON COLUMN neanelu.shops.api_version IS
  'Admin API version spoken for this shop, YYYY-MM of a quarter, or unstable. This default is the one '
  'place where the supported version stands.';
COMMENT ON COLUMN neanelu.shops.access_token_ciphertext IS
  'Offline access token, AES-256-GCM; null once uninstalled. Written by the registration functions '
  'only.';
COMMENT ON COLUMN neanelu.shops.access_token_iv IS 'Initialisation vector of the token, 12 bytes.';
COMMENT ON COLUMN neanelu.shops.access_token_tag IS 'Authentication tag of the token, 16 bytes.';
COMMENT ON COLUMN neanelu.shops.webhook_secret IS
  'Key for the HMAC of this shop''s webhooks; null means the app''s own secret.';
COMMENT ON COLUMN neanelu.shops.key_version IS
  'Version of the encryption key the token is sealed with; see key_rotations.';
COMMENT ON COLUMN neanelu.shops.scopes IS 'OAuth scopes the shop granted.';
COMMENT ON COLUMN neanelu.shops.timezone IS 'IANA time zone of the shop (Shop.ianaTimezone).';
COMMENT ON COLUMN neanelu.shops.currency_code IS 'Shop currency, ISO 4217 (Shop.currencyCode).';
COMMENT ON COLUMN neanelu.shops.settings IS 'Settings of this shop, an object; no secrets.';
COMMENT ON COLUMN neanelu.shops.installed_at IS 'When the app was (last) installed.';
COMMENT ON COLUMN neanelu.shops.uninstalled_at IS
  'When the app was uninstalled; null while installed. Setting it requires erasing the token.';
COMMENT ON COLUMN neanelu.shops.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shops.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.staff_users (
  id            uuid NOT NULL DEFAULT uuidv7(),
  shop_id       uuid NOT NULL,
  email         extensions.citext NOT NULL,
  first_name    varchar(100),
  last_name     varchar(100),
  role          jsonb NOT NULL DEFAULT '{"admin": false}',
  locale        varchar(10) NOT NULL DEFAULT 'en',
  last_login_at timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT staff_users_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT staff_users_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT staff_users_role_check CHECK (jsonb_typeof(role) = 'object'),
  CONSTRAINT staff_users_email_check CHECK (email::text LIKE '_%@_%' AND length(email::text) <= 320)
);

CREATE UNIQUE INDEX idx_staff_shop_email ON neanelu.staff_users (shop_id, email);

COMMENT ON TABLE neanelu.staff_users IS
  'People who work in a shop''s back office and act through the app. Personal data; audited.';
COMMENT ON COLUMN neanelu.staff_users.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.staff_users.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.staff_users.email IS
  'Address the person signs in with; unique within the shop, upper and lower case alike.';
COMMENT ON COLUMN neanelu.staff_users.first_name IS 'Given name (personal data).';
COMMENT ON COLUMN neanelu.staff_users.last_name IS 'Family name (personal data).';
COMMENT ON COLUMN neanelu.staff_users.role IS 'Permissions in the app, an object; written by shop administrators.';
COMMENT ON COLUMN neanelu.staff_users.locale IS 'Language of the back office, BCP 47.';
COMMENT ON COLUMN neanelu.staff_users.last_login_at IS 'Last sign-in; null when never.';
COMMENT ON COLUMN neanelu.staff_users.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.app_sessions (
  id         varchar(255) NOT NULL,
  shop_id    uuid NOT NULL,
  payload    jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT app_sessions_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT app_sessions_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT app_sessions_payload_check CHECK (jsonb_typeof(payload) = 'object'),
  CONSTRAINT app_sessions_expires_at_check CHECK (isfinite(expires_at))
);

CREATE INDEX idx_sessions_shop ON neanelu.app_sessions (shop_id);
CREATE INDEX idx_sessions_expires ON neanelu.app_sessions (expires_at);

COMMENT ON TABLE neanelu.app_sessions IS
  'Sessions of the embedded app. Transient: expired rows are deleted. The payload is never logged.';
COMMENT ON COLUMN neanelu.app_sessions.id IS
  'Session id as the app library makes it; unique within the shop. The shop is known from the session '
  'token before the session is read.';
COMMENT ON COLUMN neanelu.app_sessions.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.app_sessions.payload IS
  'Session data; may hold an online access token, so no tenant reads it.';
COMMENT ON COLUMN neanelu.app_sessions.expires_at IS 'From then on the session is void.';
COMMENT ON COLUMN neanelu.app_sessions.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.oauth_states (
  id           uuid NOT NULL DEFAULT uuidv7(),
  state        varchar(64) NOT NULL,
  shop_domain  extensions.citext NOT NULL,
  redirect_uri text NOT NULL,
  nonce        varchar(64) NOT NULL,
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT oauth_states_pkey PRIMARY KEY (id),
  CONSTRAINT oauth_states_shop_domain_check CHECK (shop_domain::text ~* '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'),
  CONSTRAINT oauth_states_state_check CHECK (length(state) >= 16),
  CONSTRAINT oauth_states_validity_check CHECK (isfinite(expires_at) AND expires_at > created_at)
);

CREATE UNIQUE INDEX idx_oauth_states_state ON neanelu.oauth_states (state);
CREATE INDEX idx_oauth_states_expires ON neanelu.oauth_states (expires_at) WHERE used_at IS NULL;

COMMENT ON TABLE neanelu.oauth_states IS
  'State tokens of OAuth flows under way (CSRF protection). Before authentication there is no tenant, '
  'hence no shop_id and no tenant access at all.';
COMMENT ON COLUMN neanelu.oauth_states.id IS 'State id.';
COMMENT ON COLUMN neanelu.oauth_states.state IS 'Random token sent to Shopify and expected back.';
COMMENT ON COLUMN neanelu.oauth_states.shop_domain IS
  'Domain that is asked to authorise; the shop may not exist here yet.';
COMMENT ON COLUMN neanelu.oauth_states.redirect_uri IS 'Where the browser goes after authorisation.';
COMMENT ON COLUMN neanelu.oauth_states.nonce IS 'Additional entropy bound to the browser.';
COMMENT ON COLUMN neanelu.oauth_states.expires_at IS 'End of validity, 5 to 10 minutes after creation.';
COMMENT ON COLUMN neanelu.oauth_states.used_at IS 'When the token was consumed; a token is good once.';
COMMENT ON COLUMN neanelu.oauth_states.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.oauth_nonces (
  id         uuid NOT NULL DEFAULT uuidv7(),
  nonce      varchar(64) NOT NULL,
  shop_id    uuid,
  used_at    timestamptz,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT oauth_nonces_pkey PRIMARY KEY (id),
  CONSTRAINT oauth_nonces_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT oauth_nonces_validity_check CHECK (isfinite(expires_at) AND expires_at > created_at)
);

CREATE UNIQUE INDEX idx_oauth_nonces_nonce ON neanelu.oauth_nonces (nonce);
CREATE INDEX idx_oauth_nonces_expires ON neanelu.oauth_nonces (expires_at);
CREATE INDEX idx_oauth_nonces_shop ON neanelu.oauth_nonces (shop_id) WHERE shop_id IS NOT NULL;

COMMENT ON TABLE neanelu.oauth_nonces IS
  'Nonces seen in OAuth callbacks (replay protection). Rows from before authentication: shop_id may be '
  'null, the key is the id alone, and no tenant may reach the table.';
COMMENT ON COLUMN neanelu.oauth_nonces.id IS 'Nonce id.';
COMMENT ON COLUMN neanelu.oauth_nonces.nonce IS 'The value seen; unique over all shops.';
COMMENT ON COLUMN neanelu.oauth_nonces.shop_id IS 'Shop the nonce belonged to, once known.';
COMMENT ON COLUMN neanelu.oauth_nonces.used_at IS 'When the nonce was consumed.';
COMMENT ON COLUMN neanelu.oauth_nonces.expires_at IS 'From then on the row may be deleted.';
COMMENT ON COLUMN neanelu.oauth_nonces.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.key_rotations (
  id                   uuid NOT NULL DEFAULT uuidv7(),
  key_version_old      integer NOT NULL,
  key_version_new      integer NOT NULL,
  initiated_by_shop_id uuid,
  initiated_by         uuid,
  status               varchar(20) NOT NULL DEFAULT 'in_progress',
  records_updated      integer NOT NULL DEFAULT 0,
  started_at           timestamptz NOT NULL DEFAULT now(),
  completed_at         timestamptz,
  error_message        text,
  CONSTRAINT key_rotations_pkey PRIMARY KEY (id),
  CONSTRAINT key_rotations_initiated_by_shop_id_initiated_by_fkey
    FOREIGN KEY (initiated_by_shop_id, initiated_by) REFERENCES neanelu.staff_users (shop_id, id) MATCH FULL
      ON DELETE SET NULL,
  CONSTRAINT key_rotations_status_check CHECK (status IN ('in_progress', 'completed', 'failed')),
  CONSTRAINT key_rotations_versions_check CHECK (key_version_old > 0 AND key_version_new > key_version_old),
  CONSTRAINT key_rotations_records_updated_check CHECK (records_updated >= 0),
  CONSTRAINT key_rotations_completed_at_check
    CHECK ((completed_at IS NULL) = (status = 'in_progress') AND completed_at >= started_at),
  CONSTRAINT key_rotations_error_message_check CHECK ((error_message IS NOT NULL) = (status = 'failed'))
);

CREATE UNIQUE INDEX idx_key_rotations_status ON neanelu.key_rotations (status) WHERE status = 'in_progress';
CREATE INDEX idx_key_rotations_initiated_by
  ON neanelu.key_rotations (initiated_by_shop_id, initiated_by) WHERE initiated_by IS NOT NULL;

COMMENT ON TABLE neanelu.key_rotations IS
  'Rotations of the key that seals access tokens. Platform-wide; at most one runs at a time (unique '
  'partial index). Audited.';
COMMENT ON COLUMN neanelu.key_rotations.id IS 'Rotation id.';
COMMENT ON COLUMN neanelu.key_rotations.key_version_old IS 'Version that is replaced.';
COMMENT ON COLUMN neanelu.key_rotations.key_version_new IS 'Version that replaces it.';
COMMENT ON COLUMN neanelu.key_rotations.initiated_by_shop_id IS
  'Shop of the person who started it; null when an operator or a daemon did.';
COMMENT ON COLUMN neanelu.key_rotations.initiated_by IS
  'Person who started it; the key of staff_users is (shop_id, id), so the shop is carried beside it and '
  'both are null or both set.';
COMMENT ON COLUMN neanelu.key_rotations.status IS 'in_progress, then completed or failed.';
COMMENT ON COLUMN neanelu.key_rotations.records_updated IS 'Number of tokens sealed anew so far.';
COMMENT ON COLUMN neanelu.key_rotations.started_at IS 'Start.';
COMMENT ON COLUMN neanelu.key_rotations.completed_at IS 'End, whatever the outcome; null while in progress.';
COMMENT ON COLUMN neanelu.key_rotations.error_message IS
  'Why it failed; only when failed. Never contains key material.';

CREATE TABLE neanelu.feature_flags (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  flag_key           varchar(100) NOT NULL,
  description        text,
  default_value      boolean NOT NULL DEFAULT false,
  is_active          boolean NOT NULL DEFAULT true,
  rollout_percentage integer NOT NULL DEFAULT 0,
  allowed_shop_ids   uuid[] NOT NULL DEFAULT '{}',
  blocked_shop_ids   uuid[] NOT NULL DEFAULT '{}',
  conditions         jsonb NOT NULL DEFAULT '{}',
  created_by_shop_id uuid,
  created_by         uuid,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT feature_flags_pkey PRIMARY KEY (id),
  CONSTRAINT feature_flags_created_by_shop_id_created_by_fkey
    FOREIGN KEY (created_by_shop_id, created_by) REFERENCES neanelu.staff_users (shop_id, id) MATCH FULL ON
      DELETE SET NULL,
  CONSTRAINT feature_flags_flag_key_check CHECK (flag_key ~ '^[a-z][a-z0-9_.]*$'),
  CONSTRAINT feature_flags_rollout_percentage_check CHECK (rollout_percentage BETWEEN 0 AND 100),
  CONSTRAINT feature_flags_conditions_check CHECK (jsonb_typeof(conditions) = 'object')
);

CREATE UNIQUE INDEX idx_feature_flags_key ON neanelu.feature_flags (flag_key);
CREATE INDEX idx_feature_flags_active ON neanelu.feature_flags (is_active) WHERE is_active = true;
CREATE INDEX idx_feature_flags_created_by
  ON neanelu.feature_flags (created_by_shop_id, created_by) WHERE created_by IS NOT NULL;

COMMENT ON TABLE neanelu.feature_flags IS
  'Switches for features, platform-wide with lists and a percentage of shops. Audited.';
COMMENT ON COLUMN neanelu.feature_flags.id IS 'Flag id.';
COMMENT ON COLUMN neanelu.feature_flags.flag_key IS 'Name used in code, such as bulk_v2.';
COMMENT ON COLUMN neanelu.feature_flags.description IS 'What the flag switches.';
COMMENT ON COLUMN neanelu.feature_flags.default_value IS 'Value for a shop that no other rule names.';
COMMENT ON COLUMN neanelu.feature_flags.is_active IS 'Kill switch: false turns the flag off for everyone.';
COMMENT ON COLUMN neanelu.feature_flags.rollout_percentage IS 'Share of shops that have the flag on, percent.';
COMMENT ON COLUMN neanelu.feature_flags.allowed_shop_ids IS 'Shops that always have it.';
COMMENT ON COLUMN neanelu.feature_flags.blocked_shop_ids IS 'Shops that never have it; wins over the allowed list.';
COMMENT ON COLUMN neanelu.feature_flags.conditions IS 'Further rules, an object.';
COMMENT ON COLUMN neanelu.feature_flags.created_by_shop_id IS
  'Shop of the person who created the flag; null when an operator did.';
COMMENT ON COLUMN neanelu.feature_flags.created_by IS
  'Person who created the flag; the key of staff_users is (shop_id, id), so the shop is carried beside '
  'it and both are null or both set.';
COMMENT ON COLUMN neanelu.feature_flags.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.feature_flags.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.system_config (
  key                varchar(100) NOT NULL,
  value              jsonb NOT NULL,
  description        text,
  is_sensitive       boolean NOT NULL DEFAULT false,
  updated_by_shop_id uuid,
  updated_by         uuid,
  updated_at         timestamptz NOT NULL DEFAULT now(),
  created_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT system_config_pkey PRIMARY KEY (key),
  CONSTRAINT system_config_key_check CHECK (key ~ '^[a-z][a-z0-9_.]*$'),
  CONSTRAINT system_config_sealed_check
    CHECK (NOT is_sensitive OR jsonb_typeof(value) = 'object' AND coalesce(value ->> 'sealed', '') ~ '^[A-Za-z0-9+/]{43,}={0,2}$'),
  CONSTRAINT system_config_updated_by_shop_id_updated_by_fkey
    FOREIGN KEY (updated_by_shop_id, updated_by) REFERENCES neanelu.staff_users (shop_id, id) MATCH FULL ON
      DELETE SET NULL
);

CREATE INDEX idx_system_config_updated_by
  ON neanelu.system_config (updated_by_shop_id, updated_by) WHERE updated_by IS NOT NULL;

COMMENT ON TABLE neanelu.system_config IS
  'Platform-wide configuration that outlives a restart. Audited; sensitive values are redacted there.';
COMMENT ON COLUMN neanelu.system_config.key IS 'Name of the setting.';
COMMENT ON COLUMN neanelu.system_config.value IS
  'Its value. A sensitive one arrives sealed (AES-256-GCM): {"sealed": base64 of key version, IV, tag and ciphertext}.';
COMMENT ON COLUMN neanelu.system_config.description IS 'What it does, with unit and range.';
COMMENT ON COLUMN neanelu.system_config.is_sensitive IS 'True: shown masked and never logged.';
COMMENT ON COLUMN neanelu.system_config.updated_by_shop_id IS
  'Shop of the person who last changed it; null when an operator did.';
COMMENT ON COLUMN neanelu.system_config.updated_by IS
  'Person who last changed it; the key of staff_users is (shop_id, id), so the shop is carried beside '
  'it and both are null or both set.';
COMMENT ON COLUMN neanelu.system_config.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';
COMMENT ON COLUMN neanelu.system_config.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.migration_history (
  id                uuid NOT NULL DEFAULT uuidv7(),
  migration_name    varchar(255) NOT NULL,
  checksum          varchar(64) NOT NULL,
  applied_at        timestamptz NOT NULL DEFAULT now(),
  applied_by        varchar(100) NOT NULL DEFAULT current_user,
  execution_time_ms integer,
  success           boolean NOT NULL DEFAULT true,
  error_message     text,
  CONSTRAINT migration_history_pkey PRIMARY KEY (id),
  CONSTRAINT migration_history_checksum_check CHECK (checksum ~ '^[0-9a-f]{40,64}$'),
  CONSTRAINT migration_history_execution_time_ms_check CHECK (execution_time_ms >= 0),
  CONSTRAINT migration_history_error_message_check CHECK (error_message IS NULL OR NOT success)
);

CREATE UNIQUE INDEX idx_migration_name ON neanelu.migration_history (migration_name);
CREATE INDEX idx_migration_applied ON neanelu.migration_history (applied_at DESC);

COMMENT ON TABLE neanelu.migration_history IS
  'What was deployed when: a read model that a deploy fills from sqitch''s registry. Nobody writes it by '
  'hand.';
COMMENT ON COLUMN neanelu.migration_history.id IS 'Row id.';
COMMENT ON COLUMN neanelu.migration_history.migration_name IS
  'Name of the sqitch change, with its tag when reworked.';
COMMENT ON COLUMN neanelu.migration_history.checksum IS
  'Hash of the deploy script as sqitch keeps it, hexadecimal (SHA-1, 40 digits; up to SHA-256).';
COMMENT ON COLUMN neanelu.migration_history.applied_at IS 'When the change was deployed.';
COMMENT ON COLUMN neanelu.migration_history.applied_by IS 'Role or person that deployed it.';
COMMENT ON COLUMN neanelu.migration_history.execution_time_ms IS
  'Duration in milliseconds; null where sqitch does not record it.';
COMMENT ON COLUMN neanelu.migration_history.success IS 'False for a failed attempt.';
COMMENT ON COLUMN neanelu.migration_history.error_message IS 'Why it failed.';

COMMIT;
