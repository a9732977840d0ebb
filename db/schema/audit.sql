-- Deploy neanelu:schema/audit to pg
-- Module H: audit log (partitioned by month) and sync checkpoints.
--
-- The audit log refers to nothing by foreign key: it must outlive what it describes, must not block an erasure,
-- and rows of a bulk change must not pay for look-ups. Partitions are made and dropped by pg_partman.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.audit_logs (
  id          uuid NOT NULL DEFAULT uuidv7(),
  shop_id     uuid,
  user_id     uuid,
  actor_type  varchar(20) NOT NULL DEFAULT 'system',
  actor_id    text,
  action      varchar(20) NOT NULL,
  entity_type varchar(100) NOT NULL,
  entity_id   uuid,
  entity_key  text,
  old_values  jsonb,
  new_values  jsonb,
  ip_address  inet,
  user_agent  text,
  request_id  varchar(100),
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT audit_logs_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT audit_logs_actor_type_check CHECK (actor_type IN ('user', 'daemon', 'system', 'tenant')),
  CONSTRAINT audit_logs_action_check CHECK (action IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')),
  CONSTRAINT audit_logs_entity_check CHECK (action = 'TRUNCATE' OR num_nonnulls(entity_id, entity_key) > 0),
  CONSTRAINT audit_logs_images_check
    CHECK ((action <> 'INSERT' OR old_values IS NULL) AND (action <> 'DELETE' OR new_values IS NULL))
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_audit_shop ON neanelu.audit_logs (shop_id, created_at DESC);
CREATE INDEX idx_audit_entity ON neanelu.audit_logs (entity_type, entity_id);
CREATE INDEX idx_audit_entity_key ON neanelu.audit_logs (entity_type, entity_key) WHERE entity_key IS NOT NULL;
CREATE INDEX idx_audit_user ON neanelu.audit_logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idx_audit_request ON neanelu.audit_logs (request_id) WHERE request_id IS NOT NULL;
-- Nearly all rows are a few daemons', in long stretches: which stretches have an actor is enough to know, and costs a row next to nothing.
CREATE INDEX idx_audit_actor ON neanelu.audit_logs USING brin (actor_type text_bloom_ops, actor_id text_bloom_ops)
  WITH (pages_per_range = 64, autosummarize = on);

COMMENT ON TABLE neanelu.audit_logs IS
  'Who changed what: one row per changed row of the audited tables, partitioned by month on created_at, '
  '24 months kept. Append only; written by the capture triggers alone.';
COMMENT ON COLUMN neanelu.audit_logs.id IS 'Entry id; unique together with created_at.';
COMMENT ON COLUMN neanelu.audit_logs.shop_id IS
  'Tenant the changed row belongs to; null for platform-wide rows. No reference, on purpose.';
COMMENT ON COLUMN neanelu.audit_logs.user_id IS
  'Person who made the change (staff_users.id, from app.current_user_id); null for daemons. No '
  'reference, on purpose.';
COMMENT ON COLUMN neanelu.audit_logs.actor_type IS
  'Kind of actor: user (a person through the app), daemon, system (deployment, maintenance) or tenant '
  '(a tenant''s own login).';
COMMENT ON COLUMN neanelu.audit_logs.actor_id IS 'Login role, or the person''s id.';
COMMENT ON COLUMN neanelu.audit_logs.action IS 'Statement that changed the row.';
COMMENT ON COLUMN neanelu.audit_logs.entity_type IS 'Name of the changed table.';
COMMENT ON COLUMN neanelu.audit_logs.entity_id IS 'id of the changed row, where it is a uuid.';
COMMENT ON COLUMN neanelu.audit_logs.entity_key IS
  'Key of the changed row as text, where it is not a uuid (app_sessions, system_config).';
COMMENT ON COLUMN neanelu.audit_logs.old_values IS
  'Changed columns before; the whole row when deleted, null when inserted. Secrets are never in it.';
COMMENT ON COLUMN neanelu.audit_logs.new_values IS
  'Changed columns after; the whole row when inserted, null when deleted. Secrets are never in it.';
COMMENT ON COLUMN neanelu.audit_logs.ip_address IS 'Address of the client, when known.';
COMMENT ON COLUMN neanelu.audit_logs.user_agent IS 'Browser or program of the client, when known.';
COMMENT ON COLUMN neanelu.audit_logs.request_id IS 'Trace of the request (app.trace_id).';
COMMENT ON COLUMN neanelu.audit_logs.created_at IS 'Time of the transaction that made the change; partition key.';

CREATE TABLE neanelu.sync_checkpoints (
  id                    uuid NOT NULL DEFAULT uuidv7(),
  shop_id               uuid NOT NULL,
  resource_type         varchar(50) NOT NULL,
  last_sync_at          timestamptz NOT NULL,
  last_cursor           varchar(255),
  records_synced        integer NOT NULL DEFAULT 0,
  status                varchar(20) NOT NULL DEFAULT 'idle',
  error_message         text,
  metadata              jsonb NOT NULL DEFAULT '{}',
  last_run_id           uuid,
  last_full_snapshot_at timestamptz,
  high_water_mark       timestamptz,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_checkpoints_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT sync_checkpoints_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT sync_checkpoints_resource_type_check CHECK (resource_type ~ '^[a-z][a-z_]*$'),
  CONSTRAINT sync_checkpoints_status_check CHECK (status IN ('idle', 'running', 'error')),
  CONSTRAINT sync_checkpoints_records_synced_check CHECK (records_synced >= 0),
  CONSTRAINT sync_checkpoints_error_message_check CHECK ((error_message IS NOT NULL) = (status = 'error')),
  CONSTRAINT sync_checkpoints_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT sync_checkpoints_finite_times_check
    CHECK (isfinite(last_sync_at) AND isfinite(last_full_snapshot_at) AND isfinite(high_water_mark))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_checkpoints_shop_resource ON neanelu.sync_checkpoints (shop_id, resource_type);

COMMENT ON TABLE neanelu.sync_checkpoints IS
  'How far each resource of a shop is synced. Advanced by the sync functions in the transaction that '
  'merges, and only when every line is accounted for.';
COMMENT ON COLUMN neanelu.sync_checkpoints.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.sync_checkpoints.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.sync_checkpoints.resource_type IS 'Resource: products, collections, customers, orders, …';
COMMENT ON COLUMN neanelu.sync_checkpoints.last_sync_at IS 'When the last successful sync of the resource ended.';
COMMENT ON COLUMN neanelu.sync_checkpoints.last_cursor IS 'Cursor of a paged query, where one is used.';
COMMENT ON COLUMN neanelu.sync_checkpoints.records_synced IS 'Records the last successful sync looked at.';
COMMENT ON COLUMN neanelu.sync_checkpoints.status IS 'idle, running or error.';
COMMENT ON COLUMN neanelu.sync_checkpoints.error_message IS 'Why the last attempt failed; set in status error.';
COMMENT ON COLUMN neanelu.sync_checkpoints.metadata IS 'Details of the last sync, an object.';
COMMENT ON COLUMN neanelu.sync_checkpoints.last_run_id IS
  'Bulk run that advanced the checkpoint; its row may be pruned earlier, so this is not a reference.';
COMMENT ON COLUMN neanelu.sync_checkpoints.last_full_snapshot_at IS
  'Start of the last complete snapshot that was merged; what it did not contain was marked deleted.';
COMMENT ON COLUMN neanelu.sync_checkpoints.high_water_mark IS
  'Newest updatedAt that is certainly merged; the next incremental sync asks from there, less an '
  'overlap. Never goes back.';
COMMENT ON COLUMN neanelu.sync_checkpoints.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.sync_checkpoints.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

COMMIT;
