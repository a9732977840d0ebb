-- Deploy neanelu:schema/jobs to pg
-- requires: schema/core
-- Module G, jobs part: the record of every job, who holds which, what handles what, and what recurs when.
--
-- Three places tell where a job is. Its message waits in a queue of pgmq (q_<queue>, in the lane of its shop), or lies among
-- the dead letters (q_<queue>_dead). While somebody works on it there is no message but a slot. job_runs has the record of all.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.job_queues (
  queue_name            varchar(100) NOT NULL,
  max_active            integer,
  max_active_per_shop   integer,
  description           text NOT NULL,
  created_at            timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT job_queues_pkey PRIMARY KEY (queue_name),
  CONSTRAINT job_queues_queue_name_check CHECK (queue_name ~ '^[a-z][a-z_]{0,40}$' AND queue_name !~ '_dead$'),
  CONSTRAINT job_queues_max_active_check CHECK (max_active >= 0 AND max_active_per_shop >= 0)
);

COMMENT ON TABLE neanelu.job_queues IS
  'The named queues. Each is a queue of pgmq with one for its dead letters beside it. Migrations write it; operators set the limits.';
COMMENT ON COLUMN neanelu.job_queues.queue_name IS 'Name; pgmq''s tables are pgmq.q_<name> and pgmq.q_<name>_dead.';
COMMENT ON COLUMN neanelu.job_queues.max_active IS
  'Jobs of this queue that may be active at once, below the limit for all queues (system_config jobs.max_active); null: no other limit.';
COMMENT ON COLUMN neanelu.job_queues.max_active_per_shop IS
  'Jobs of one shop in this queue that may be active at once, below the limit for a shop in all queues (system_config '
  'jobs.max_active_per_shop); null: no other limit.';
COMMENT ON COLUMN neanelu.job_queues.description IS 'What is in it, for people.';
COMMENT ON COLUMN neanelu.job_queues.created_at IS 'When the row was inserted here.';

INSERT INTO neanelu.job_queues (queue_name, description) VALUES
  ('webhooks', 'Deliveries of Shopify that wait for their effects'),
  ('sync', 'Fetching single objects, subscriptions, tokens, comparisons with Shopify'),
  ('bulk', 'Whatever starts or follows bulk runs'),
  ('ai', 'Texts and vectors'),
  ('notifications', 'Messages to people'),
  ('maintenance', 'The platform''s own chores: partitions, sweeps, rollups, folds');

CREATE TABLE neanelu.job_signals (
  queue_name varchar(100) NOT NULL,
  is_wanted  boolean NOT NULL DEFAULT true,
  CONSTRAINT job_signals_pkey PRIMARY KEY (queue_name),
  CONSTRAINT job_signals_queue_name_fkey FOREIGN KEY (queue_name) REFERENCES neanelu.job_queues (queue_name) ON DELETE CASCADE
) WITH (fillfactor = 10);

COMMENT ON TABLE neanelu.job_signals IS
  'What claims and enqueuers tell one another, a row a queue. Written by jobs.claim and jobs.enqueue, in place.';
COMMENT ON COLUMN neanelu.job_signals.queue_name IS 'Queue.';
COMMENT ON COLUMN neanelu.job_signals.is_wanted IS
  'A worker found nothing to do since the last notification: the next enqueuer notifies, and says false here. So there is no '
  'notification while workers are busy, and one for many enqueuers when they are not.';

INSERT INTO neanelu.job_signals (queue_name) SELECT queue_name FROM neanelu.job_queues;

CREATE TABLE neanelu.job_rings (
  queue_name varchar(100) NOT NULL,
  ring_lane  text NOT NULL DEFAULT '',
  CONSTRAINT job_rings_pkey PRIMARY KEY (queue_name),
  CONSTRAINT job_rings_queue_name_fkey FOREIGN KEY (queue_name) REFERENCES neanelu.job_queues (queue_name) ON DELETE CASCADE
) WITH (fillfactor = 10);

COMMENT ON TABLE neanelu.job_rings IS
  'Whose turn it was, a row a queue. Beside job_signals and not in it, so that claims do not wait for an enqueuer that is about to notify. Written by jobs.claim, in place.';
COMMENT ON COLUMN neanelu.job_rings.queue_name IS 'Queue.';
COMMENT ON COLUMN neanelu.job_rings.ring_lane IS 'Lane that was served last; the next claim begins behind it.';

INSERT INTO neanelu.job_rings (queue_name) SELECT queue_name FROM neanelu.job_queues;

CREATE TABLE neanelu.job_handlers (
  job_name        varchar(100) NOT NULL,
  queue_name      varchar(100) NOT NULL,
  runs_in         varchar(20) NOT NULL,
  function_name   text,
  max_attempts    integer NOT NULL DEFAULT 5,
  lease           interval NOT NULL DEFAULT '60 seconds',
  backoff         interval NOT NULL DEFAULT '5 seconds',
  max_backoff     interval NOT NULL DEFAULT '1 hour',
  permanent_codes text[] NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT job_handlers_pkey PRIMARY KEY (job_name),
  CONSTRAINT job_handlers_queue_name_fkey FOREIGN KEY (queue_name) REFERENCES neanelu.job_queues (queue_name) ON DELETE RESTRICT,
  CONSTRAINT job_handlers_runs_in_check CHECK (runs_in IN ('database', 'daemon')),
  CONSTRAINT job_handlers_function_name_check CHECK ((runs_in = 'database') = (function_name IS NOT NULL)),
  CONSTRAINT job_handlers_max_attempts_check CHECK (max_attempts BETWEEN 1 AND 1000),
  CONSTRAINT job_handlers_lease_check CHECK (lease >= '1 second' AND lease <= '1 day'),
  CONSTRAINT job_handlers_backoff_check CHECK (backoff >= '0' AND max_backoff >= backoff)
);
CREATE INDEX idx_job_handlers_queue ON neanelu.job_handlers (queue_name);

COMMENT ON TABLE neanelu.job_handlers IS
  'What handles a job of a name, and how patiently. Written by jobs.register_handler, which the modules'' migrations call.';
COMMENT ON COLUMN neanelu.job_handlers.job_name IS 'Name of the job, such as webhook.process.';
COMMENT ON COLUMN neanelu.job_handlers.queue_name IS 'Queue that its jobs usually wait in.';
COMMENT ON COLUMN neanelu.job_handlers.runs_in IS 'database: jobs.execute calls the function. daemon: a worker has code for it.';
COMMENT ON COLUMN neanelu.job_handlers.function_name IS
  'Function (p_shop_id uuid, p_payload jsonb) RETURNS jsonb, qualified and quoted, without arguments; null for daemons.';
COMMENT ON COLUMN neanelu.job_handlers.max_attempts IS 'Attempts, the first included, before a job is a dead letter.';
COMMENT ON COLUMN neanelu.job_handlers.lease IS 'How long a worker holds a job before it counts as gone, unless it asks for more.';
COMMENT ON COLUMN neanelu.job_handlers.backoff IS 'Pause before the second attempt; doubled for each further one, less up to a half at random.';
COMMENT ON COLUMN neanelu.job_handlers.max_backoff IS 'Longest pause between two attempts.';
COMMENT ON COLUMN neanelu.job_handlers.permanent_codes IS
  'SQLSTATEs, or classes of two letters, with which another attempt is pointless, beside the classes 22 and 23.';
COMMENT ON COLUMN neanelu.job_handlers.created_at IS 'When it was registered first.';

-- The rules of a job's row. PostgreSQL parses a table's CHECKs again for every statement that writes it; a domain's is parsed once a session, and a policy's is
-- part of the plan. So the words for states are a domain, and the other rules are in the policy of the only role that writes (policies/jobs).
CREATE DOMAIN neanelu.job_status AS varchar(20)
  CONSTRAINT job_status_check CHECK (VALUE IN ('waiting', 'active', 'completed', 'failed', 'cancelled'));
COMMENT ON DOMAIN neanelu.job_status IS
  'waiting (also between attempts), active (a worker holds a slot), completed, failed (a dead letter), cancelled.';

SET LOCAL ROLE neanelu_engine;
CREATE FUNCTION jobs._refuse_state(p_status text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'a job that is % is not like this: when it started and ended goes with its state, its payload is an object', p_status
    USING ERRCODE = '23514', SCHEMA = 'neanelu', TABLE = 'job_runs', CONSTRAINT = 'job_runs_engine_all';
END
$$;
COMMENT ON FUNCTION jobs._refuse_state(text) IS
  'What the policy job_runs_engine_all says to a row whose times do not go with its state, or whose payload is no object, with the code of a CHECK. Raises: 23514';
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.job_runs (
  id            uuid NOT NULL DEFAULT uuidv7(),
  shop_id       uuid,
  queue_name    varchar(100) NOT NULL,
  job_id        varchar(255) NOT NULL,
  job_name      varchar(100) NOT NULL,
  status        neanelu.job_status NOT NULL DEFAULT 'waiting',
  priority      integer NOT NULL DEFAULT 0,
  attempts      integer NOT NULL DEFAULT 0,
  max_attempts  integer NOT NULL DEFAULT 3,
  payload       jsonb NOT NULL,
  result        jsonb,
  error_message text,
  error_stack   text,
  task_id       uuid,
  started_at    timestamptz,
  completed_at  timestamptz,
  failed_at     timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT job_runs_pkey PRIMARY KEY (id),
  -- Held by those who write: row by row PostgreSQL's own check is a quarter of what a job costs (docs/decisions/0011).
  CONSTRAINT job_runs_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE NOT ENFORCED
) WITH (fillfactor = 32, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.1);

-- An update of a job's state touches no index, so that it stays within its page (HOT), which has room for all three states of each: one set of index entries.
-- That is why no B-tree here contains status: docs/decisions/0011-jobs-on-pgmq.md has what it costs otherwise.
CREATE INDEX idx_jobs_queue ON neanelu.job_runs USING brin (queue_name) WITH (pages_per_range = 32, autosummarize = off);
CREATE INDEX idx_jobs_shop ON neanelu.job_runs (shop_id);
CREATE INDEX idx_jobs_bullmq ON neanelu.job_runs (queue_name, job_id) WHERE failed_at IS NOT NULL;
CREATE INDEX idx_jobs_failed ON neanelu.job_runs (failed_at) WHERE failed_at IS NOT NULL;

COMMENT ON TABLE neanelu.job_runs IS
  'The record of every job, from the transaction that asked for it until jobs.purge. Written by the functions of schema jobs only.';
COMMENT ON COLUMN neanelu.job_runs.id IS 'Job id, time ordered; what jobs.enqueue returns.';
COMMENT ON COLUMN neanelu.job_runs.shop_id IS
  'Tenant; null for the platform''s own jobs. jobs.enqueue holds the shop''s row while it adds jobs (once a call, as the reference would once a row), and a '
  'trigger of shops takes them along when the shop is deleted.';
COMMENT ON COLUMN neanelu.job_runs.queue_name IS 'Queue, see job_queues.';
COMMENT ON COLUMN neanelu.job_runs.job_id IS
  'Its last message in pgmq, msg_id in decimal: in q_<queue> while it waits, in q_<queue>_dead when it has failed.';
COMMENT ON COLUMN neanelu.job_runs.job_name IS 'What is to be done, see job_handlers.';
COMMENT ON COLUMN neanelu.job_runs.status IS
  'waiting (also between attempts), active (a worker holds a slot), completed, failed (a dead letter), cancelled.';
COMMENT ON COLUMN neanelu.job_runs.priority IS
  '0 to 1000. Within its shop, and queue, each point is worth a minute of waiting; between shops it says nothing.';
COMMENT ON COLUMN neanelu.job_runs.attempts IS 'How often it was started, the present time included. Who gives a job back is not counted.';
COMMENT ON COLUMN neanelu.job_runs.max_attempts IS 'Attempts before it is a dead letter.';
COMMENT ON COLUMN neanelu.job_runs.payload IS 'What the handler is given; an object.';
COMMENT ON COLUMN neanelu.job_runs.result IS 'What the handler returned.';
COMMENT ON COLUMN neanelu.job_runs.error_message IS 'What went wrong in the last attempt that failed; stays after a later success.';
COMMENT ON COLUMN neanelu.job_runs.error_stack IS 'Details of it, such as a traceback, for people.';
COMMENT ON COLUMN neanelu.job_runs.task_id IS 'The recurring task (scheduled_tasks) that asked for it; null for others.';
COMMENT ON COLUMN neanelu.job_runs.started_at IS 'When the last attempt began.';
COMMENT ON COLUMN neanelu.job_runs.completed_at IS 'When it was done.';
COMMENT ON COLUMN neanelu.job_runs.failed_at IS 'When it was given up, or cancelled.';
COMMENT ON COLUMN neanelu.job_runs.created_at IS 'When it was asked for.';

CREATE TABLE neanelu.job_slots (
  slot             integer NOT NULL,
  job_id           uuid,
  lane             text,
  queue_name       varchar(100),
  token            bigint,
  leased_by        text,
  leased_at        timestamptz,
  lease_expires_at timestamptz,
  CONSTRAINT job_slots_pkey PRIMARY KEY (slot)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- So much room that an update always finds some on its page, and so little that is kept that every look at a page clears it.
INSERT INTO neanelu.job_slots (slot) SELECT generate_series(1, 50);

COMMENT ON TABLE neanelu.job_slots IS
  'One row for each job that may be active at once; occupied ones are leases. A claim adds rows when jobs.max_active was raised. '
  'Updated in place, so it stays as small as it is whatever the number of jobs. Written by the functions of schema jobs only.';
COMMENT ON COLUMN neanelu.job_slots.slot IS 'Number, from 1 to 65535; the lowest 16 bits of the tokens given out for it.';
COMMENT ON COLUMN neanelu.job_slots.job_id IS 'Job (job_runs.id) that is active; null when free. No foreign key: one would cost a look-up a claim.';
COMMENT ON COLUMN neanelu.job_slots.lane IS 'Whose turn it uses up: the shop''s id, or platform.';
COMMENT ON COLUMN neanelu.job_slots.queue_name IS 'Queue of the job.';
COMMENT ON COLUMN neanelu.job_slots.token IS 'Fencing token: random for each claim, with the slot''s number in it; null when free (policy job_slots_engine_all). Who shows another one has lost the job.';
COMMENT ON COLUMN neanelu.job_slots.leased_by IS 'Name of the worker, for people.';
COMMENT ON COLUMN neanelu.job_slots.leased_at IS 'When the worker took the job.';
COMMENT ON COLUMN neanelu.job_slots.lease_expires_at IS 'When the job is given to somebody else, unless the worker is done or asks for more.';

CREATE SEQUENCE neanelu.job_flushes;
COMMENT ON SEQUENCE neanelu.job_flushes IS
  'When claims were last made safe against a crash of the server, in microseconds since 1970. A sequence, because what is set there is seen at once and by all. '
  'Written by jobs.execute.';

CREATE TABLE neanelu.job_keys (
  job_id     uuid NOT NULL,
  queue_name varchar(100) NOT NULL,
  lane       text NOT NULL,
  dedupe_key varchar(255) NOT NULL,
  is_closing boolean NOT NULL DEFAULT false,
  CONSTRAINT job_keys_pkey PRIMARY KEY (job_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX idx_job_keys_open ON neanelu.job_keys (queue_name, lane, dedupe_key) WHERE NOT is_closing;

COMMENT ON TABLE neanelu.job_keys IS
  'Waiting jobs that stand for every further one with the same key. Who relies on one holds its row (FOR KEY SHARE) until its '
  'transaction ends, and the job does not start before, so that it sees what they wrote. Written by jobs.enqueue and jobs.claim.';
COMMENT ON COLUMN neanelu.job_keys.job_id IS 'The waiting job (job_runs.id).';
COMMENT ON COLUMN neanelu.job_keys.queue_name IS 'Queue.';
COMMENT ON COLUMN neanelu.job_keys.lane IS 'The shop''s id, or platform.';
COMMENT ON COLUMN neanelu.job_keys.dedupe_key IS 'Key that enqueuers gave.';
COMMENT ON COLUMN neanelu.job_keys.is_closing IS
  'A claim wants the job and waits for those who rely on it; newcomers get another job. Otherwise a stream of them could hold it up for ever.';

CREATE TABLE neanelu.scheduled_tasks (
  id              uuid NOT NULL DEFAULT uuidv7(),
  shop_id         uuid,
  task_name       varchar(100) NOT NULL,
  cron_expression varchar(100) NOT NULL,
  timezone        varchar(50) NOT NULL DEFAULT 'UTC',
  queue_name      varchar(100) NOT NULL,
  job_name        varchar(100) NOT NULL,
  job_data        jsonb NOT NULL DEFAULT '{}',
  missed_policy   varchar(20) NOT NULL DEFAULT 'once',
  is_active       boolean NOT NULL DEFAULT true,
  last_run_at     timestamptz,
  next_run_at     timestamptz,
  last_job_id     uuid,
  run_count       integer NOT NULL DEFAULT 0,
  error_count     integer NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT scheduled_tasks_pkey PRIMARY KEY (id),
  CONSTRAINT scheduled_tasks_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT scheduled_tasks_queue_name_fkey FOREIGN KEY (queue_name) REFERENCES neanelu.job_queues (queue_name) ON DELETE RESTRICT,
  CONSTRAINT scheduled_tasks_cron_expression_check CHECK (cron_expression ~ '^\S+( \S+){4,5}$'),
  CONSTRAINT scheduled_tasks_job_data_check CHECK (jsonb_typeof(job_data) = 'object'),
  CONSTRAINT scheduled_tasks_missed_policy_check CHECK (missed_policy IN ('once', 'skip', 'all')),
  CONSTRAINT scheduled_tasks_counts_check CHECK (run_count >= 0 AND error_count >= 0)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX idx_scheduled_tasks_name ON neanelu.scheduled_tasks (task_name, shop_id) NULLS NOT DISTINCT;
CREATE INDEX idx_scheduled_tasks_shop ON neanelu.scheduled_tasks (shop_id);
CREATE INDEX idx_scheduled_tasks_queue ON neanelu.scheduled_tasks (queue_name);

COMMENT ON TABLE neanelu.scheduled_tasks IS
  'Recurring work: when which job is to be asked for. A worker works out the ticks of the cron expression, jobs.fire_task sees to it that each '
  'is taken once. Written by jobs.schedule, which the modules'' migrations call, and by jobs.fire_task.';
COMMENT ON COLUMN neanelu.scheduled_tasks.id IS 'Task id, time ordered.';
COMMENT ON COLUMN neanelu.scheduled_tasks.shop_id IS 'Tenant whose job it is; null for the platform''s own.';
COMMENT ON COLUMN neanelu.scheduled_tasks.task_name IS 'Name, unique within the shop.';
COMMENT ON COLUMN neanelu.scheduled_tasks.cron_expression IS
  'Minute, hour, day of month, month, day of week; as Debian''s cron understands them. With six fields the first one is seconds.';
COMMENT ON COLUMN neanelu.scheduled_tasks.timezone IS 'IANA time zone that the expression is meant in.';
COMMENT ON COLUMN neanelu.scheduled_tasks.queue_name IS 'Queue that the job is put into.';
COMMENT ON COLUMN neanelu.scheduled_tasks.job_name IS 'Job that is asked for, see job_handlers.';
COMMENT ON COLUMN neanelu.scheduled_tasks.job_data IS 'Its payload, an object.';
COMMENT ON COLUMN neanelu.scheduled_tasks.missed_policy IS
  'What becomes of ticks that nobody was there for. once: one run for all of them. skip: none, when more than a minute late. all: one run each.';
COMMENT ON COLUMN neanelu.scheduled_tasks.is_active IS 'False: paused; its ticks pass by.';
COMMENT ON COLUMN neanelu.scheduled_tasks.last_run_at IS 'Last tick that was taken.';
COMMENT ON COLUMN neanelu.scheduled_tasks.next_run_at IS 'Next tick; null until a worker has worked it out.';
COMMENT ON COLUMN neanelu.scheduled_tasks.last_job_id IS 'Job (job_runs.id) that the last tick asked for; may be purged by now.';
COMMENT ON COLUMN neanelu.scheduled_tasks.run_count IS 'Jobs that were asked for.';
COMMENT ON COLUMN neanelu.scheduled_tasks.error_count IS 'Of these, the ones that became dead letters.';
COMMENT ON COLUMN neanelu.scheduled_tasks.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.scheduled_tasks.updated_at IS 'When the row''s content last changed here.';

CREATE TYPE neanelu.picked_jobs AS (job_ids uuid[], lanes text[], leases interval[], queues text[]);
COMMENT ON TYPE neanelu.picked_jobs IS
  'Jobs whose messages a claim has taken, and of each its lane, its lease, if its handler has another than the usual one, and its queue, if there are several. In no table.';

-- The queues themselves. A message is {"job": id} (and "key": true for jobs that stand for others, and "lease" where the handler has another than 60 seconds); its header
-- says its lane in pgmq's own way.
DO $queues$
DECLARE
  v_name text;
BEGIN
  FOR v_name IN SELECT q.queue_name || s.suffix FROM neanelu.job_queues AS q, (VALUES (''), ('_dead')) AS s (suffix) ORDER BY 1 LOOP
    PERFORM pgmq.create_non_partitioned(v_name);
    EXECUTE format('ALTER TABLE pgmq.%I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)', 'q_' || v_name);
    -- Messages are found by lane and time; pgmq's own index by time alone would only cost. A look for the next lane reads what is left of a page of the index, so
    -- its entries carry the headers along: fewer stand on a page, and a claim costs a twentieth less.
    EXECUTE format('DROP INDEX pgmq.%I', 'q_' || v_name || '_vt_idx');
    EXECUTE format('CREATE INDEX %I ON pgmq.%I ((headers ->> ''x-pgmq-group''), vt) INCLUDE (headers)', 'q_' || v_name || '_lane_idx', 'q_' || v_name);
  END LOOP;
END
$queues$;

COMMIT;
