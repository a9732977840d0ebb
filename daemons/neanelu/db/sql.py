"""Every SQL statement that daemons and commands send, in one place. Each only calls a function or copies.

Parameters are named (`%(shop)s`). A heading a user.
"""

from __future__ import annotations

from typing import Final

# --- Shops ------------------------------------------------------------------------------------------------
FIND_SHOP: Final = "SELECT * FROM shops.find(%(shop)s)"
LIST_SHOPS: Final = "SELECT * FROM shops.list(%(installed_only)s)"
RESERVE_SHOP_ID: Final = "SELECT shops.reserve_id(%(domain)s, %(shopify_shop_id)s) AS id"
REGISTER_SHOP: Final = """
    SELECT shops.register(
        p_id => %(id)s, p_domain => %(domain)s,
        p_ciphertext => %(ciphertext)s, p_iv => %(iv)s, p_tag => %(tag)s,
        p_key_version => %(key_version)s, p_scopes => %(scopes)s, p_api_version => %(api_version)s,
        p_timezone => %(timezone)s, p_currency_code => %(currency_code)s,
        p_webhook_secret => %(webhook_secret)s,
        p_shopify_shop_id => %(shopify_shop_id)s) AS id"""
SHOP_CREDENTIALS: Final = "SELECT * FROM shops.credentials(%(shop_id)s)"
UNINSTALL_SHOP: Final = "SELECT shops.uninstall(%(shop_id)s) AS cancelled"

# --- Reports and commands ---------------------------------------------------------------------------------
LIST_RUNS: Final = "SELECT * FROM sync.list_runs(%(shop_id)s, %(statuses)s, %(limit)s)"
RUN_DETAILS: Final = "SELECT sync.run_details(%(run_id)s) AS details"
RUN_ERRORS: Final = "SELECT * FROM sync.run_errors(%(run_id)s, %(limit)s, %(after_line)s)"
RETRY_RUN: Final = "SELECT sync.retry_run(%(run_id)s, %(allow_mass_delete)s) AS run_id"
CANCEL_RUN: Final = "SELECT id AS run_id, status FROM sync.cancel_run(%(run_id)s)"
ACTIVE_RUNS: Final = "SELECT * FROM sync.active_runs()"
FRESHNESS: Final = "SELECT * FROM sync.freshness(%(shop_id)s)"
ROW_COUNTS: Final = "SELECT * FROM sync.row_counts(%(shop_id)s)"
PARTITION_REPORT: Final = "SELECT * FROM ops.partition_report()"

# --- The sync daemon --------------------------------------------------------------------------------------
RESOURCES: Final = "SELECT * FROM sync.resources()"
REQUEST_RUN: Final = """
    SELECT sync.request_run(%(shop_id)s, %(resource)s, %(mode)s, %(source)s, %(key)s, %(allow_mass_delete)s) AS run_id"""
CLAIM_RUN: Final = "SELECT * FROM sync.claim_run(%(worker)s, %(lease)s, %(shop_id)s, %(run_id)s)"
RUN_STATES: Final = "SELECT * FROM sync.run_states(%(run_ids)s)"
RENEW_LEASE: Final = "SELECT sync.renew_lease(%(run_id)s, %(token)s, %(lease)s)"
RELEASE_RUN: Final = "SELECT sync.release_run(%(run_id)s, %(token)s, %(delay)s)"
RESERVE_OPERATION: Final = "SELECT sync.reserve_operation(%(run_id)s, %(token)s) AS reserved"
RECORD_OPERATION: Final = "SELECT sync.record_operation(%(run_id)s, %(token)s, %(gid)s, %(created_at)s)"
RECORD_POLL: Final = "SELECT sync.record_poll(%(run_id)s, %(token)s, %(operation)s) AS decision"
RECORD_ARTIFACT: Final = """
    SELECT sync.record_artifact(
        %(run_id)s, %(token)s, %(path)s, %(url)s, %(etag)s, %(bytes)s, NULL, %(checksum)s, %(expires_at)s)"""
OPEN_LOAD: Final = "SELECT sync.open_load(%(run_id)s, %(token)s) AS plan"
SEND_EVERYTHING: Final = "SELECT sync.send_everything(%(run_id)s, %(token)s)"
KNOWN_TREES: Final = "SELECT * FROM sync.known_trees(%(run_id)s, %(token)s, %(after)s, %(limit)s)"
COLLECT_TREES: Final = "SELECT sync.collect_trees(%(run_id)s, %(token)s)"
DISTRUST_TREES: Final = "SELECT sync.distrust_trees(%(run_id)s, %(token)s, %(roots)s)"
LANDED_LINES: Final = "SELECT * FROM sync.landed_lines(%(run_id)s, %(token)s)"
QUARANTINE: Final = """
    SELECT sync.quarantine(%(run_id)s, %(token)s, %(lines)s, %(codes)s, %(messages)s, %(kinds)s, %(gids)s, %(raws)s, %(sizes)s)"""
QUARANTINE_REFUSED: Final = (
    "SELECT sync.quarantine_refused(%(run_id)s, %(token)s, %(lines)s, %(kinds)s, %(gids)s, %(raws)s)"
)
QUARANTINE_CHUNK: Final = (
    "SELECT sync.quarantine_chunk(%(run_id)s, %(token)s, %(line)s, %(chunk)s, %(bytes)s)"
)
CLOSE_LOAD: Final = """
    SELECT sync.close_load(
        %(run_id)s, %(token)s, %(bytes)s, %(lines)s, %(roots)s, %(kinds)s, %(unchanged)s, %(sent)s, %(checksum)s,
        %(landed)s) AS refused"""
REFRESH_STATISTICS: Final = "SELECT sync.refresh_statistics(%(tables)s::text[])"
BEGIN_STAGE: Final = "SELECT sync.begin_stage(%(run_id)s, %(token)s) AS may_merge_beside"
STAGING_TABLES: Final = "SELECT * FROM sync.staging_tables(%(resource)s)"
STAGE_TABLE: Final = "SELECT sync.stage_table(%(run_id)s, %(token)s, %(table)s, %(half)s::smallint) AS rows"
COLLECT_GROUPS: Final = "SELECT sync.collect_groups(%(run_id)s, %(token)s)"
SETTLE_STREAM: Final = "SELECT sync.settle_stream(%(run_id)s, %(token)s, %(stream)s::smallint)"
END_STAGE: Final = "SELECT sync.end_stage(%(run_id)s, %(token)s, %(rows)s) AS staged"
CONCLUDE_UNCHANGED: Final = "SELECT * FROM sync.conclude_unchanged(%(run_id)s, %(token)s)"
MERGE: Final = "SELECT * FROM sync.merge(%(run_id)s, %(token)s)"
BEGIN_MERGE: Final = "SELECT sync.begin_merge(%(run_id)s, %(token)s) AS is_open"
MERGE_PIECE: Final = "SELECT sync.merge_piece(%(run_id)s, %(token)s, %(table)s, %(half)s::smallint)"
END_MERGE: Final = "SELECT * FROM sync.end_merge(%(run_id)s, %(token)s)"
FAIL_RUN: Final = "SELECT sync.fail_run(%(run_id)s, %(token)s, %(code)s, %(message)s) AS status"
SWEEP_STAGING: Final = "SELECT sync.sweep_staging() AS rows"
_LINE_COLUMNS = "bulk_run_id, attempt, stream, kind, line_number, owner_id, object_id, root_id, doc"
COPY_LINES: Final = f"COPY neanelu.bulk_lines ({_LINE_COLUMNS}) FROM STDIN (FORMAT binary)"
#: COPY of lines of which some may be refused: a quote and a delimiter that no JSON contains, and values that jsonb refuses
#: are left out and found later.
COPY_DOUBTFUL_LINES: Final = f"""
    COPY neanelu.bulk_lines ({_LINE_COLUMNS})
    FROM STDIN (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02', ON_ERROR ignore, LOG_VERBOSITY silent)"""
COPY_MANIFEST: Final = """
    COPY neanelu.bulk_manifest (bulk_run_id, attempt, root_id, digest, lines, is_clean) FROM STDIN (FORMAT binary)"""
LISTEN: Final = "LISTEN neanelu_sync"

# --- The API budget ---------------------------------------------------------------------------------------
ACQUIRE_BUDGET: Final = """
    SELECT granted, cost, wait FROM budget.acquire(%(shop_id)s, %(cost)s, %(query_hash)s, %(interactive)s)"""
SETTLE_BUDGET: Final = """
    SELECT budget.settle(
        %(request_id)s, %(shop_id)s, %(operation)s, %(query_hash)s, %(granted)s, %(cost)s::jsonb, %(throttle)s,
        %(retry_after)s::interval, %(requested_at)s, %(response_time_ms)s) AS wait"""

# --- The worker -------------------------------------------------------------------------------------------
SET_CONTEXT: Final = "SELECT app.set_context(%(shop_id)s, NULL, %(trace_id)s)"
CLAIM_JOBS: Final = """
    SELECT c.*, c.lease_expires_at - clock_timestamp() AS lease FROM jobs.claim(
        %(queues)s, %(worker)s, %(limit)s, %(lease)s) AS c"""
EXECUTE_JOB: Final = """
    SELECT jobs.execute(%(job_id)s, %(token)s) AS result FROM app.set_context(%(shop_id)s, NULL, %(trace_id)s)"""
COMPLETE_JOB: Final = "SELECT jobs.complete(%(job_id)s, %(token)s, %(result)s)"
FAIL_JOB: Final = """
    SELECT jobs.fail(%(job_id)s, %(token)s, %(error)s, %(detail)s, %(permanent)s, NULL, %(sqlstate)s) AS outcome"""
EXTEND_JOB: Final = "SELECT jobs.extend(%(job_id)s, %(token)s, %(lease)s)"
RELEASE_JOB: Final = "SELECT jobs.release(%(job_id)s, %(token)s, %(delay)s)"
DUE_TASKS: Final = "SELECT * FROM jobs.due_tasks()"
FIRE_TASK: Final = "SELECT jobs.fire_task(%(task_id)s, %(expected)s, %(next)s) AS job_id"
JOB_METRICS: Final = "SELECT * FROM jobs.metrics()"
LIST_JOBS: Final = "SELECT * FROM jobs.list(%(queue)s, %(statuses)s, %(shop_id)s, %(name)s, %(limit)s)"
SHOW_JOB: Final = "SELECT * FROM jobs.show(%(job_id)s)"
DEAD_LETTERS: Final = "SELECT * FROM jobs.dead_letters(%(queue)s, %(limit)s)"
RETRY_JOB: Final = "SELECT jobs.retry(%(job_id)s)"
RETRY_DEAD: Final = "SELECT jobs.retry_dead(%(queue)s, %(name)s, %(limit)s) AS retried"
CANCEL_JOB: Final = "SELECT jobs.cancel(%(job_id)s)"
LIST_TASKS: Final = "SELECT * FROM jobs.list_tasks()"
RUN_TASK: Final = "SELECT jobs.run_task(%(name)s, %(shop_id)s) AS job_id"
PAUSE_TASK: Final = "SELECT jobs.pause_task(%(name)s, %(shop_id)s, %(is_active)s) AS changed"
JOBS_CHANNEL: Final = "neanelu_jobs"
LISTEN_JOBS: Final = "LISTEN neanelu_jobs"
STALENESS: Final = "SELECT * FROM sync.staleness()"
SHORT_STATEMENTS: Final = "SET statement_timeout = '5s'"

# --- The receiver of webhooks -----------------------------------------------------------------------------
RECEIVE_WEBHOOKS: Final = """
    SELECT webhooks.receive_many(
        %(domains)s, %(topics)s, %(webhook_ids)s, %(event_ids)s, %(api_versions)s, %(triggered_at)s::text[]::timestamptz[],
        %(digests)s, %(bodies)s) AS outcomes"""
QUARANTINE_WEBHOOK: Final = """
    SELECT webhooks.quarantine(%(domain)s, %(topic)s, %(webhook_id)s, %(digest)s, %(body)s, %(detail)s)"""
PLAN_SUBSCRIPTIONS: Final = "SELECT * FROM webhooks.plan_subscriptions(%(shop_id)s, %(address)s, %(actual)s)"
RECORD_SUBSCRIPTIONS: Final = """
    SELECT webhooks.record_subscriptions(%(shop_id)s, %(address)s, %(actual)s) AS changed"""
WEBHOOK_QUESTION: Final = "SELECT * FROM webhooks.question(%(shop_id)s, %(event_id)s, %(event_created_at)s)"
WEBHOOK_ANSWER: Final = """
    SELECT webhooks.answer(%(shop_id)s, %(event_id)s, %(event_created_at)s, %(is_so)s) AS outcome"""
OWN_WEBHOOK_SECRETS: Final = "SELECT * FROM webhooks.own_secrets()"
PING: Final = "SELECT 1"

# --- Privacy ----------------------------------------------------------------------------------------------
PRIVACY_REQUESTS: Final = "SELECT * FROM privacy.requests(%(open_only)s)"
PRIVACY_EXPORT: Final = "SELECT privacy.read_export(%(request_id)s) AS export"
PRIVACY_TRACES: Final = "SELECT * FROM privacy.find_traces(%(shop_id)s, %(identifiers)s)"

# --- The stock ledger, for people -------------------------------------------------------------------------
FIND_VARIANTS: Final = "SELECT * FROM inventory.find_variants(%(shop_id)s, %(sku)s)"
SHOW_STOCK: Final = "SELECT * FROM inventory.show(%(shop_id)s, %(variant_id)s)"
STOCK_HISTORY: Final = """
    SELECT * FROM inventory.history(%(shop_id)s, %(variant_id)s, %(location_id)s, %(limit)s)"""
RECORD_STOCK: Final = """
    SELECT inventory.record(
        %(shop_id)s, %(variant_id)s, %(location_id)s, %(delta)s, %(reason)s,
        CASE WHEN %(reference)s::text IS NOT NULL THEN 'manual' END, %(reference)s) AS is_new"""
AVAILABLE_STOCK: Final = """
    SELECT inventory.available(%(shop_id)s, %(variant_id)s, %(location_id)s) AS available"""
TRANSFER_STOCK: Final = """
    SELECT inventory.transfer(
        %(shop_id)s, %(variant_id)s, %(from)s, %(to)s, %(quantity)s, %(reference)s) AS is_new"""
RECONCILE_STOCK: Final = "SELECT * FROM inventory.reconcile(%(shop_id)s)"
STOCK_DRIFT: Final = "SELECT * FROM inventory.drift(%(shop_id)s)"

# --- Tokens and sign-in -----------------------------------------------------------------------------------
BEGIN_RENEWAL: Final = """
    SELECT * FROM shops.begin_token_refresh(
        %(shop_id)s, %(refresher)s, %(lease)s, %(margin)s, %(refused_pair)s, %(insist)s)"""
STORE_TOKENS: Final = """
    SELECT shops.store_tokens(
        %(shop_id)s, %(pair_id)s, %(ciphertext)s, %(iv)s, %(tag)s, %(key_version)s, %(refresh_token)s, %(expires_in)s,
        %(refresh_expires_in)s, %(scopes)s) AS stored"""
FAIL_RENEWAL: Final = """
    SELECT shops.fail_token_refresh(
        %(shop_id)s, %(attempt_id)s, %(code)s, %(message)s, %(is_refused)s, %(is_answered)s) AS status"""
SUPPORTED_API_VERSION: Final = "SELECT shops.supported_api_version() AS version"
SHOP_TOKENS: Final = "SELECT * FROM shops.token_report(%(shop_id)s)"
TOKEN_METRICS: Final = "SELECT * FROM shops.token_metrics()"  # noqa: S105
BEGIN_OAUTH: Final = """
    SELECT shops.begin_oauth(%(domain)s, %(state)s, %(nonce)s, %(redirect_uri)s, %(lifetime)s) AS expires_at"""
TAKE_OAUTH_STATE: Final = "SELECT shops.take_oauth_state(%(domain)s, %(state)s, %(nonce)s) AS outcome"
COMPLETE_OAUTH: Final = """
    SELECT shops.complete_oauth(
        p_id => %(id)s, p_domain => %(domain)s, p_ciphertext => %(ciphertext)s, p_iv => %(iv)s, p_tag => %(tag)s,
        p_key_version => %(key_version)s, p_scopes => %(scopes)s, p_refresh_token => %(refresh_token)s,
        p_expires_in => %(expires_in)s, p_refresh_expires_in => %(refresh_expires_in)s, p_nonce_digest => %(nonce)s,
        p_timezone => %(timezone)s, p_currency_code => %(currency_code)s,
        p_shopify_shop_id => %(shopify_shop_id)s) AS result"""

# --- Keys, flags, settings --------------------------------------------------------------------------------
KEY_USAGE: Final = "SELECT * FROM ops.key_usage()"
KEY_ROTATIONS: Final = """
    SELECT id, key_version_old, key_version_new, status, records_updated, started_at, completed_at, error_message
      FROM neanelu.key_rotations ORDER BY started_at DESC LIMIT %(limit)s"""
BEGIN_KEY_ROTATION: Final = "SELECT * FROM ops.begin_key_rotation(%(version)s)"
SEALED_BATCH: Final = (
    "SELECT * FROM ops.sealed_batch(%(rotation_id)s, %(limit)s, %(after_place)s, %(after_row)s)"
)
RESEAL: Final = """
    SELECT ops.reseal(%(rotation_id)s, %(places)s, %(shop_ids)s, %(row_keys)s, %(old)s, %(new)s) AS resealed"""
FINISH_KEY_ROTATION: Final = "SELECT ops.finish_key_rotation(%(rotation_id)s) AS remaining"
ABANDON_KEY_ROTATION: Final = "SELECT ops.abandon_key_rotation(%(reason)s) AS rotation_id"
LIST_FLAGS: Final = """
    SELECT flag_key, description, default_value, is_active, rollout_percentage, allowed_shop_ids, blocked_shop_ids, conditions,
           updated_at
      FROM neanelu.feature_flags ORDER BY flag_key"""
EXPLAIN_FLAG: Final = "SELECT * FROM flags.explain(%(flag)s, %(shop_id)s)"
SET_FLAG: Final = """
    SELECT flag_key, description, default_value, is_active, rollout_percentage, allowed_shop_ids, blocked_shop_ids, conditions,
           updated_at
      FROM flags.set_flag(
        %(flag)s, %(default)s, %(active)s, %(rollout)s, %(allowed)s::uuid[], %(blocked)s::uuid[], %(conditions)s::jsonb,
        %(description)s)"""
DELETE_FLAG: Final = "SELECT flags.delete_flag(%(flag)s)"
CONFIG: Final = "SELECT flags.config(%(key)s) AS value"
LIST_CONFIG: Final = "SELECT * FROM flags.list_config()"
SET_CONFIG: Final = "SELECT flags.set_config(%(key)s, %(value)s::jsonb, %(sensitive)s, %(description)s)"
DELETE_CONFIG: Final = "SELECT flags.delete_config(%(key)s)"
SEALED_CONFIG: Final = "SELECT flags.sealed_config(%(key)s) AS sealed"

# --- The stock ledger -------------------------------------------------------------------------------------
FOLD_LEDGER: Final = "SELECT inventory.fold(%(limit)s) AS folded"
FOLD_WITHOUT_WAITING: Final = "SET synchronous_commit = off"
FOLD_LAG: Final = "SELECT * FROM inventory.fold_lag()"

# --- The mirror between bulk runs -------------------------------------------------------------------------
CLAIM_FETCHES: Final = "SELECT * FROM webhooks.claim_fetches(%(shop_id)s, %(limit)s)"
APPLY_FETCHED: Final = """
    SELECT webhooks.apply_fetched(%(shop_id)s, %(resource)s, %(asked)s, %(lines)s, %(claimed_at)s) AS result"""
RELEASE_FETCHES: Final = (
    "SELECT webhooks.release_fetches(%(shop_id)s, %(resource)s, %(asked)s, %(claimed_at)s)"
)
FORGET_CLAIMS: Final = "SELECT webhooks.forget_claims(%(shop_id)s)"
NEXT_FETCH: Final = "SELECT webhooks.next_fetch(%(shop_id)s) AS delay"
BEGIN_COMPARISON: Final = "SELECT * FROM webhooks.begin_comparison(%(shop_id)s, %(resource)s, %(grace)s)"
CONTINUE_COMPARISON: Final = (
    "SELECT webhooks.continue_comparison(%(shop_id)s, %(comparison_id)s, %(answers)s) AS questions"
)
MIRROR_METRICS: Final = "SELECT * FROM webhooks.metrics()"
EVENT_METRICS: Final = "SELECT * FROM webhooks.event_metrics()"

# --- The demo: it looks at a shop as a service that faces tenants would, and at jobs as an operator does ------
ENQUEUE_JOB: Final = "SELECT jobs.enqueue(%(queue)s, %(name)s, %(shop_id)s, %(payload)s) AS job_id"
NOW: Final = "SELECT clock_timestamp() AS now"
DEMO_SHOP: Final = """
    SELECT count(*) AS stored, count(e.processed_at) AS applied, count(e.processing_error) AS refused,
           (SELECT count(*) FROM neanelu.inventory_ledger AS l WHERE l.created_at >= %(since)s) AS folded,
           (SELECT count(*) FROM neanelu.inventory_arrivals) AS unfolded
      FROM neanelu.webhook_events AS e WHERE e.created_at >= %(since)s"""
DEMO_JOBS: Final = """
    SELECT count(*) FILTER (WHERE j.attempts > 1) AS retried, count(*) FILTER (WHERE j.status = 'failed') AS dead,
           count(*) FILTER (WHERE j.status = 'active' OR j.status = 'waiting' AND j.job_name <> 'mirror.fetch') AS busy,
           (SELECT count(*) FROM neanelu.mirror_fetches AS f
             WHERE f.shop_id = %(shop_id)s AND f.due_at < f.wanted_at + %(soon)s) AS fetches
      FROM neanelu.job_runs AS j WHERE j.shop_id = %(shop_id)s AND j.created_at >= %(since)s"""
DEMO_DRIFT: Final = """
    SELECT m.resource, m.status, m.missing + m.outdated + m.extra AS objects
      FROM neanelu.mirror_comparisons AS m WHERE m.shop_id = %(shop_id)s AND m.started_at >= %(since)s ORDER BY m.started_at"""
DEMO_LEVELS: Final = """
    SELECT count(*) AS levels FROM neanelu.inventory_entries AS l
     WHERE l.reference_type = 'bulk_run' AND l.reference_id = ANY (%(run_ids)s::text[])"""
DEMO_MIRROR: Final = """
    SELECT 'products' AS kind, p.shopify_gid AS id,
           jsonb_build_array(p.title, p.status, ARRAY(SELECT t FROM unnest(p.tags) AS t ORDER BY t COLLATE "C")) AS value
      FROM neanelu.shopify_products AS p WHERE p.deleted_at IS NULL
    UNION ALL
    SELECT 'variants', v.shopify_gid, jsonb_build_array(p.shopify_gid, v.sku, v.price::text)
      FROM neanelu.shopify_variants AS v
      JOIN neanelu.shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id WHERE v.deleted_at IS NULL
    UNION ALL
    SELECT 'collections', c.shopify_gid, to_jsonb(ARRAY(
               SELECT p.shopify_gid::text FROM neanelu.shopify_collection_products AS m
                 JOIN neanelu.shopify_products AS p ON p.shop_id = m.shop_id AND p.id = m.product_id AND p.deleted_at IS NULL
                WHERE m.shop_id = c.shop_id AND m.collection_id = c.id ORDER BY p.shopify_gid COLLATE "C"))
      FROM neanelu.shopify_collections AS c WHERE c.deleted_at IS NULL
    UNION ALL
    SELECT 'orders', o.shopify_gid, jsonb_build_array(o.financial_status, o.fulfillment_status, o.current_total_price::text,
               to_char(o.cancelled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
      FROM neanelu.shopify_orders AS o WHERE o.deleted_at IS NULL
    UNION ALL
    SELECT 'levels', v.shopify_gid || ' ' || l.shopify_gid, to_jsonb(i.available)
      FROM neanelu.inventory_levels AS i
      JOIN neanelu.inventory_locations AS l ON l.shop_id = i.shop_id AND l.id = i.location_id
      JOIN neanelu.shopify_variants AS v
        ON v.shop_id = i.shop_id AND v.inventory_item_id = i.inventory_item_gid AND v.deleted_at IS NULL
     WHERE i.deleted_at IS NULL
    UNION ALL
    SELECT 'stock', v.shopify_gid || ' ' || s.location_id, to_jsonb(s.quantity)
      FROM neanelu.inventory_current AS s
      JOIN neanelu.shopify_variants AS v ON v.shop_id = s.shop_id AND v.id = s.variant_id AND v.deleted_at IS NULL"""

# --- The factory --------------------------------------------------------------------------------------------
FACTORY_PROCESS: Final = "SELECT pim.process(%(limit)s)"
COUNT_CATEGORIES: Final = "SELECT count(*) AS total FROM neanelu.prod_taxonomy WHERE is_active"
DEFINE_ATTRIBUTES: Final = "SELECT * FROM pim.define_attributes(%(attributes)s)"
EXPECT_ATTRIBUTES: Final = "SELECT pim.expect_attributes(%(category)s, %(attributes)s) AS changed"
FACTORY_STATUS: Final = "SELECT pim.factory_status()"
FACTORY_RETRY: Final = "SELECT pim.retry_failed()"
FACTORY_REPORT: Final = "SELECT pim.factory_report()"
FACTORY_DISPUTED: Final = """
    SELECT d.product_id, d.field_path, m.canonical_title AS title
      FROM pim.most_disputed(1) AS d JOIN neanelu.prod_master AS m ON m.id = d.product_id"""
PIM_EXPLAIN: Final = "SELECT pim.explain(%(product_id)s, %(field_path)s)"

# --- Harvest --------------------------------------------------------------------------------------------------
REGISTER_SOURCE: Final = """
    SELECT harvest.register_source(
        %(name)s, %(type)s, %(base_url)s, %(priority)s, %(trust)s::numeric, %(config)s, %(rate_limit)s) AS id"""
SET_SOURCE: Final = "SELECT harvest.set_source(%(source_id)s, %(changes)s) AS changed"
FIND_SOURCE: Final = "SELECT harvest.find_source(%(name)s) AS id"
SOURCE_SETTINGS: Final = "SELECT * FROM harvest.source_settings(%(source_id)s)"
LIST_SOURCES: Final = "SELECT * FROM harvest.list_sources(%(source_id)s)"
SET_SCRAPER: Final = "SELECT harvest.set_scraper(%(source_id)s, %(name)s, %(changes)s) AS id"
LIST_SCRAPERS: Final = "SELECT * FROM harvest.list_scrapers(%(source_id)s)"
ENQUEUE_URLS: Final = (
    "SELECT * FROM harvest.enqueue_urls(%(config_id)s, %(urls)s, %(priority)s, p_again => %(again)s)"
)
CLAIM_URLS: Final = "SELECT * FROM harvest.claim_urls(%(worker)s, %(limit)s, %(lease)s)"
COMPLETE_URL: Final = """
    SELECT * FROM harvest.complete_url(%(queue_id)s, %(token)s, %(page)s, %(html)s, %(documents)s, %(links)s)"""
FAIL_URL: Final = """
    SELECT harvest.fail_url(
        %(queue_id)s, %(token)s, %(code)s, %(message)s, %(may_pass)s, %(is_refusal)s, %(retry_after)s) AS status"""
RELEASE_URL: Final = "SELECT harvest.release_url(%(queue_id)s, %(token)s)"
NOTE_CRAWL_DELAY: Final = "SELECT harvest.note_crawl_delay(%(config_id)s, %(seconds)s::numeric)"
HARVEST_OUTLOOK: Final = "SELECT * FROM harvest.outlook()"
CLOSE_SCRAPER_RUNS: Final = "SELECT harvest.close_runs(%(memory)s) AS ended"
HARVEST_METRICS: Final = "SELECT * FROM harvest.metrics()"
LIST_PAGES: Final = "SELECT * FROM harvest.list_pages(%(source_id)s, %(statuses)s, %(limit)s)"
TAKE_SHOP_PRODUCTS: Final = "SELECT harvest.take_shop_products(%(shop_id)s, %(limit)s) AS stored"
BEGIN_IMPORT: Final = "SELECT harvest.begin_import(%(source_id)s, %(file)s, %(format)s) AS id"
RECORD_IMPORT: Final = "SELECT * FROM harvest.record_import(%(import_id)s, %(records)s, %(errors)s)"
END_IMPORT: Final = "SELECT harvest.end_import(%(import_id)s, %(code)s)"
LIST_IMPORTS: Final = "SELECT * FROM harvest.list_imports(%(source_id)s, %(limit)s)"
IMPORT_ERRORS: Final = "SELECT * FROM harvest.list_errors(%(import_id)s, %(limit)s)"

# --- Quality, channels and reviews ------------------------------------------------------------------------
QUALITY_DELIVERY: Final = "SELECT * FROM pim.quality_delivery(%(event_id)s, %(endpoint_id)s)"
RECORD_DELIVERY: Final = """
    SELECT pim.record_delivery(%(event_id)s, %(endpoint_id)s, %(http_status)s, %(error)s, %(is_last)s) AS status"""
SET_ENDPOINT: Final = "SELECT pim.set_endpoint(%(name)s, %(url)s, %(sealed)s, %(event_types)s) AS id"
REMOVE_ENDPOINT: Final = "SELECT pim.remove_endpoint(%(name)s)"
LIST_ENDPOINTS: Final = "SELECT * FROM pim.list_endpoints()"
FIND_PRODUCT: Final = "SELECT pim.find(%(product)s) AS id"
SHOW_PRODUCT: Final = "SELECT pim.show(%(product_id)s) AS product"
PRODUCT_AS_OF: Final = "SELECT pim.as_of(%(product_id)s, %(at)s) AS record"
PRODUCT_HISTORY: Final = "SELECT * FROM pim.history(%(product_id)s)"
EXPLAIN_FIELD: Final = "SELECT pim.explain(%(product_id)s, %(field)s) AS story"
RESTORE_PRODUCT: Final = """
    SELECT pim.restore_product(%(product_id)s, %(version)s, %(reviewer_id)s, %(notes)s) AS version"""
SET_PRODUCT_VALUE: Final = """
    SELECT pim.set_product_value(%(product_id)s, %(field)s, %(value)s, %(reviewer_id)s, %(notes)s) AS decision_id"""
SEARCH_PRODUCTS: Final = """
    SELECT * FROM pim.search(%(query)s, %(vector)s::extensions.vector, %(locale)s, %(limit)s, %(model)s)"""
QUALITY_OVERVIEW: Final = "SELECT pim.quality_overview() AS overview"
RESCORE_PRODUCTS: Final = "SELECT pim.score(%(product_ids)s, 'scheduled_check') AS products"
REVIEWER: Final = "SELECT pim.reviewer(%(name)s) AS id"
REVIEW_QUEUE: Final = "SELECT * FROM pim.review_queue(%(filter)s, %(limit)s)"
CLAIM_REVIEW: Final = (
    "SELECT * FROM pim.claim_reviews(%(reviewer_id)s, %(filter)s, make_interval(secs => %(seconds)s))"
)
REVIEW_ITEM: Final = "SELECT pim.review_item(%(kind)s, %(item_id)s) AS item"
REVIEW_KIND: Final = "SELECT pim.review_kind(%(item_id)s) AS kind"
RELEASE_REVIEW: Final = "SELECT pim.release_review(%(kind)s, %(item_id)s, %(reviewer_id)s, %(is_skipped)s)"
DECIDE_REVIEW: Final = """
    SELECT pim.decide_review(
        %(kind)s, %(item_id)s, %(decision)s, %(reviewer_id)s, %(notes)s, %(means)s) AS decision_id"""
UNDO_DECISION: Final = "SELECT * FROM pim.undo_review_decision(%(reviewer_id)s, %(decision_id)s)"
REVIEW_LOG: Final = "SELECT * FROM pim.review_log(%(reviewer_id)s, %(limit)s)"

# --- Models: batches, budgets, pages to read --------------------------------------------------------------
CLAIM_PAGES: Final = "SELECT * FROM ai.claim_pages(%(limit)s, make_interval(secs => %(lease)s))"
QUEUE_EXTRACTIONS: Final = """
    SELECT ai.queue_extractions(
        %(ids)s, %(texts)s, %(provider)s, %(model)s, %(max_input)s, %(max_output)s,
        make_interval(secs => %(linger)s)) AS queued"""
BEGIN_TEXT_BATCH: Final = """
    SELECT ai.begin_text_batch(%(provider)s, %(minimum)s, make_interval(secs => %(linger)s)) AS batch_id"""
CLAIM_AI_BATCH: Final = """
    SELECT * FROM ai.claim_batch(%(provider)s, %(worker)s, make_interval(secs => %(lease)s), %(direct)s)"""
EXTEND_AI_BATCH: Final = "SELECT ai.extend_batch(%(batch_id)s, %(token)s, make_interval(secs => %(lease)s))"
RELEASE_AI_BATCH: Final = """
    SELECT ai.release_batch(%(batch_id)s, %(token)s, make_interval(secs => %(delay)s), %(error)s)"""
AI_BATCH_LINES: Final = "SELECT * FROM ai.batch_lines(%(batch_id)s, %(token)s, %(after)s, %(limit)s)"
RECORD_AI_UPLOAD: Final = "SELECT ai.record_upload(%(batch_id)s, %(token)s, %(file_id)s)"
RECORD_AI_SUBMITTED: Final = """
    SELECT ai.record_submitted(
        %(batch_id)s, %(token)s, %(provider_batch_id)s, to_timestamp(%(expires_at)s), make_interval(secs => %(next)s))"""
RECORD_AI_POLL: Final = """
    SELECT ai.record_poll(
        %(batch_id)s, %(token)s, %(provider)s, make_interval(secs => %(first)s), make_interval(secs => %(longest)s),
        make_interval(secs => %(backoff)s)) AS decision"""
TAKE_AI_RESULTS: Final = """
    SELECT ai.take_results(%(batch_id)s, %(token)s, %(custom_ids)s, %(statuses)s, %(bodies)s, %(errors)s) AS taken"""
FINISH_AI_BATCH: Final = """
    SELECT ai.finish_batch(%(batch_id)s, %(token)s, make_interval(secs => %(backoff)s)) AS status"""
FAIL_AI_BATCH: Final = """
    SELECT ai.fail_batch(
        %(batch_id)s, %(token)s, %(code)s, %(message)s, make_interval(secs => %(backoff)s), %(permanent)s)"""
AI_OUTLOOK: Final = "SELECT * FROM ai.outlook(%(provider)s)"
CLOSE_AI_BATCHES: Final = "SELECT ai.close_batches(%(provider)s) AS closed"
AI_METRICS: Final = "SELECT * FROM ai.metrics()"
AI_BUDGETS: Final = "SELECT * FROM ai.budget_status(%(provider)s)"
SET_AI_BUDGET: Final = "SELECT ai.set_budget(%(provider)s, %(limit)s)"
AI_USAGE: Final = "SELECT * FROM ai.usage(%(by)s, %(since)s, %(provider)s)"
AI_MODELS: Final = "SELECT * FROM ai.models()"
SET_AI_MODEL: Final = """
    SELECT ai.set_model(
        %(provider)s, %(model)s, %(kind)s, %(input)s, %(output)s, %(batch_input)s, %(batch_output)s, %(max_input)s,
        %(max_requests)s, %(active)s)"""
LIST_AI_BATCHES: Final = "SELECT * FROM ai.list_batches(%(statuses)s, %(limit)s, %(batch_id)s)"
AI_BATCH_ERRORS: Final = "SELECT * FROM ai.batch_errors(%(batch_id)s, %(limit)s)"
CANCEL_AI_BATCH: Final = "SELECT ai.cancel_batch(%(batch_id)s) AS status"
RETRY_AI_BATCH: Final = "SELECT ai.retry_batch(%(batch_id)s) AS items"
REQUEST_EXTRACTION: Final = """
    SELECT ai.request_extraction(array_agg(h.id ORDER BY h.id), array_agg(h.fetched_at ORDER BY h.id)) AS requested
      FROM neanelu.prod_raw_harvest AS h
      JOIN neanelu.prod_sources AS s ON s.id = h.source_id
     WHERE h.raw_html IS NOT NULL AND (%(source)s::text IS NULL OR s.name = %(source)s)
       AND (cardinality(%(ids)s::uuid[]) = 0 AND h.raw_json IS NULL OR h.id = ANY (%(ids)s::uuid[]))
    HAVING count(*) > 0"""
EXTRACTION_REPORT: Final = "SELECT * FROM ai.extraction_report()"

# --- Vectors ------------------------------------------------------------------------------------------------
COLLECT_DUE: Final = "SELECT * FROM ai.collect_due(%(model)s, %(limit)s, %(every)s)"
CLAIM_TEXTS: Final = "SELECT * FROM ai.claim_texts(%(model)s, %(limit)s, %(tokens)s)"
STORE_VECTORS: Final = "SELECT * FROM ai.store_vectors(%(custom_ids)s, %(vectors)s)"
STORE_PAID_VECTORS: Final = """
    SELECT s.*, ai.settle_budget(%(reservation)s) AS settled,
           ai.log_usage(p_provider => %(provider)s, p_endpoint => '/v1/embeddings',
                        p_cost => ai.cost_of(%(provider)s, %(model)s, %(tokens)s, 0),
                        p_tokens_in => %(tokens)s, p_http_status => 200, p_response_ms => %(milliseconds)s) AS logged
      FROM ai.store_vectors(%(custom_ids)s, %(vectors)s) AS s"""
RESERVE_TEXTS: Final = """
    SELECT ai.reserve_budget(%(provider)s, ai.cost_of(%(provider)s, %(model)s, %(tokens)s, 0), 'embeddings') AS id"""
SETTLE_MODEL_BUDGET: Final = "SELECT ai.settle_budget(%(reservation)s)"
FAIL_TEXTS: Final = "SELECT ai.fail_texts(%(custom_ids)s, %(errors)s, %(retry)s) AS failed"
LIST_EMBEDDING_MODELS: Final = "SELECT * FROM ai.list_models()"
LIST_WAITING_TEXTS: Final = "SELECT * FROM ai.list_waiting(%(model)s)"
USE_EMBEDDING_MODEL: Final = "SELECT ai.use_model(%(model)s)"
RECHECK_TEXTS: Final = "SELECT ai.recheck_texts(%(model)s) AS sweeps"
INDEX_STATEMENTS: Final = "SELECT ai.index_statements(%(model)s, %(rebuild)s) AS statement"
EMBEDDING_MODEL: Final = """
    SELECT name, provider, dimensions FROM neanelu.embedding_models
     WHERE CASE WHEN %(model)s::text IS NULL THEN is_default ELSE name = %(model)s END"""
SEARCH_SHOP: Final = (
    "SELECT * FROM search.hybrid(%(shop_id)s, %(query)s, %(vector)s::extensions.vector, %(limit)s)"
)

# --- Taxonomy and names of attributes -----------------------------------------------------------------------
IMPORT_TAXONOMY: Final = "SELECT * FROM pim.import_taxonomy(%(categories)s::jsonb, %(most_removed)s::numeric)"
IMPORT_ATTRIBUTES: Final = "SELECT * FROM pim.import_attributes(%(attributes)s::jsonb)"
FIND_CATEGORIES: Final = "SELECT * FROM pim.find_categories(%(query)s, %(parent_id)s, %(limit)s, %(all)s)"
CATEGORY_ID: Final = "SELECT pim.category_id(%(category)s) AS id"
CATEGORY: Final = """
    SELECT t.id, t.shopify_taxonomy_id, array_to_string(t.breadcrumbs, ' > ') AS path, t.level, t.slug, t.is_active,
           pim.attribute_schema(t.id) AS attribute_schema
      FROM neanelu.prod_taxonomy AS t WHERE t.id = %(id)s"""
LIST_ATTRIBUTES: Final = """
    SELECT d.code, d.label, d.data_type, d.unit, d.unit_family, d.embedding_model,
           ARRAY(SELECT s.synonym_text FROM neanelu.prod_attr_synonyms AS s
                  WHERE s.definition_id = d.id AND s.is_approved ORDER BY 1) AS synonyms
      FROM neanelu.prod_attr_definitions AS d
     WHERE %(query)s::text IS NULL OR d.code ILIKE '%%' || %(query)s || '%%' OR d.label ILIKE '%%' || %(query)s || '%%'
     ORDER BY d.display_order, d.code LIMIT %(limit)s"""
ATTRIBUTE_CANDIDATES: Final = (
    "SELECT * FROM normalise.attribute_candidates(%(name)s, %(locale)s, %(unit)s, %(examples)s, %(limit)s)"
)
READ_VALUE: Final = """
    SELECT normalise.value(%(raw)s, d.data_type, d.unit, d.unit_family, %(locale)s, d.allowed_values) AS value
      FROM neanelu.prod_attr_definitions AS d WHERE d.code = %(code)s"""
REVIEW_MAPPINGS: Final = "SELECT * FROM normalise.review_mappings(%(limit)s, %(decision)s)"
REVIEW_MAPPING: Final = "SELECT normalise.review_mapping(%(mapping_id)s, %(decision)s, %(code)s) AS code"
ADD_SYNONYM: Final = "SELECT normalise.add_synonym(%(code)s, %(name)s, %(locale)s)"
LIST_UNITS: Final = """
    SELECT u.family, u.code, u.symbol, u.factor, u.shift,
           (SELECT array_agg(DISTINCT n.name ORDER BY n.name) FROM neanelu.prod_unit_names AS n
             WHERE n.unit_code = u.code) AS names
      FROM neanelu.prod_units AS u WHERE %(family)s::text IS NULL OR u.family = %(family)s ORDER BY u.rank"""
NAMES_WITHOUT_VECTOR: Final = """
    SELECT q.kind, q.key, q.text
      FROM (SELECT 'definition' AS kind, d.code::text AS key, d.label::text AS text
              FROM neanelu.prod_attr_definitions AS d WHERE d.embedding_model IS DISTINCT FROM %(model)s
            UNION ALL
            SELECT DISTINCT ON (m.name_key) 'name', m.name_key, m.name
              FROM neanelu.prod_attr_mappings AS m
             WHERE NOT EXISTS (SELECT FROM neanelu.prod_attr_name_vectors AS v
                                WHERE v.name_key = m.name_key AND v.model = %(model)s)) AS q"""
STORE_DEFINITION_VECTORS: Final = (
    "SELECT normalise.store_definition_vectors(%(model)s, %(keys)s, %(vectors)s::real[]) AS stored"
)
STORE_NAME_VECTORS: Final = (
    "SELECT normalise.store_name_vectors(%(model)s, %(keys)s, %(vectors)s::real[]) AS stored"
)

# --- Rules of values and levels; attributes as people define them -----------------------------------------
LIST_RULES: Final = """
    SELECT r.*, array_to_string(t.breadcrumbs, ' > ') AS category
      FROM neanelu.prod_survivorship_rules AS r LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = r.taxonomy_id
     WHERE %(taxonomy_id)s::uuid IS NULL OR r.taxonomy_id = %(taxonomy_id)s
     ORDER BY t.breadcrumbs NULLS FIRST, length(r.field_pattern), r.field_pattern"""
PUT_RULE: Final = "SELECT pim.put_rule(%(pattern)s, %(taxonomy_id)s, %(settings)s, %(reason)s) AS rule"
REMOVE_RULE: Final = "SELECT pim.remove_rule(%(pattern)s, %(taxonomy_id)s) AS rule"
LIST_LEVELS: Final = """
    SELECT r.*, array_to_string(t.breadcrumbs, ' > ') AS category
      FROM neanelu.prod_quality_rules AS r LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = r.taxonomy_id
     ORDER BY r.channel NULLS FIRST, array_position('{bronze,silver,golden,review_needed}', r.level::text),
              t.breadcrumbs NULLS FIRST"""
PUT_LEVEL: Final = "SELECT pim.put_level(%(level)s, %(taxonomy_id)s, %(channel)s, %(settings)s) AS rule"
REMOVE_LEVEL: Final = "SELECT pim.remove_level(%(level)s, %(taxonomy_id)s, %(channel)s) AS rule"
ATTRIBUTE: Final = """
    SELECT d.code, d.label, d.description, d.data_type, d.unit, d.unit_family, d.allowed_values, d.validation_regex
      FROM neanelu.prod_attr_definitions AS d WHERE d.code = %(code)s"""
FORGET_EXPECTATIONS: Final = "SELECT pim.forget_expectations(%(category)s, %(codes)s) AS changed"
REMOVE_ATTRIBUTE: Final = "SELECT pim.remove_attribute(%(code)s) AS attribute"
