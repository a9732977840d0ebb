-- Verify neanelu:policies/grants on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Nobody but the owner and the engine writes, except that the sync daemon copies lines.
    SELECT string_agg(format('%s: %s on %s', coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC'), a.privilege_type, c.oid::regclass), ', ')
      INTO v_bad
      FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
     WHERE c.relnamespace = 'neanelu'::regnamespace
       AND a.grantee <> 'neanelu_owner'::regrole
       AND (a.grantee = 0 OR a.is_grantable
            OR (a.grantee = 'neanelu_engine'::regrole AND c.relkind <> 'v'
                AND a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRIGGER')
                AND NOT (a.privilege_type IN ('MAINTAIN', 'TRUNCATE') AND c.relpersistence = 'u'))
            OR (a.grantee <> 'neanelu_engine'::regrole AND a.privilege_type <> 'SELECT'
                AND NOT (a.grantee = 'neanelu_sync'::regrole AND a.privilege_type = 'INSERT'
                         AND c.relname IN ('bulk_lines', 'bulk_manifest'))));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'grants that must not be: %', v_bad;
    END IF;

    SELECT string_agg(format('%s: %s of %s', a.grantee::regrole, at.attname, c.oid::regclass), ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_attribute AS at ON at.attrelid = c.oid
     CROSS JOIN LATERAL pg_catalog.aclexplode(at.attacl) AS a
     WHERE c.relnamespace = 'neanelu'::regnamespace AND (a.privilege_type <> 'SELECT' OR a.grantee = 0)
       -- Erasure blanks images of the audit log (policies/privacy); operators tune what a webhook fetches (policies/mirror).
       AND NOT (a.privilege_type = 'UPDATE' AND a.grantee = 'neanelu_engine'::regrole AND c.relname = 'audit_logs'
                AND at.attname IN ('old_values', 'new_values', 'ip_address', 'user_agent'))
       AND NOT (a.privilege_type = 'UPDATE' AND a.grantee = 'neanelu_operator'::regrole AND c.relname = 'webhook_topics' AND at.attname = 'fetch_after')
       -- What was harvested and what happened to a level stay as they are; only their marks change (policies/pim).
       AND NOT (a.privilege_type = 'UPDATE' AND a.grantee = 'neanelu_engine'::regrole AND (c.relname, at.attname) IN (
                    ('prod_raw_harvest', 'processing_status'), ('prod_raw_harvest', 'processing_error'), ('prod_raw_harvest', 'processed_at'),
                    ('prod_raw_harvest', 'target_sku'), ('prod_quality_events', 'webhook_sent'), ('prod_quality_events', 'webhook_sent_at'),
                    ('prod_review_decisions', 'undone_at'), ('prod_review_decisions', 'undone_by'), ('prod_match_journal', 'undone_at')));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'grants on columns that must not be: %', v_bad;
    END IF;

    -- Partitions are reached through their parent only.
    SELECT string_agg(c.oid::regclass::text, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relispartition AND a.grantee <> c.relowner;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'partitions with grants: %', v_bad;
    END IF;

    -- What must be there.
    SELECT string_agg(format('%s: %s on %s', e.role, e.privilege, e.name), ', ') INTO v_bad
      FROM (VALUES ('neanelu_engine', 'neanelu.shopify_products', 'SELECT, INSERT, UPDATE, DELETE'),
                   ('neanelu_engine', 'neanelu.staging_products', 'SELECT, INSERT, UPDATE, DELETE'),
                   ('neanelu_engine', 'neanelu.audit_logs', 'INSERT'),
                   ('neanelu_sync', 'neanelu.bulk_lines', 'INSERT'),
                   ('neanelu_tenant', 'neanelu.shopify_products', 'SELECT'),
                   ('neanelu_tenant', 'neanelu.current_shop', 'SELECT'),
                   ('neanelu_app', 'neanelu.shopify_orders', 'SELECT'),
                   ('neanelu_analyst', 'neanelu.shopify_variants', 'SELECT'),
                   ('neanelu_auditor', 'neanelu.audit_logs', 'SELECT'),
                   ('neanelu_operator', 'neanelu.migration_history', 'SELECT')) AS e (role, name, privilege)
     CROSS JOIN LATERAL unnest(string_to_array(e.privilege, ', ')) AS p (one)
     WHERE NOT has_table_privilege(e.role, e.name, p.one);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'grants missing: %', v_bad;
    END IF;

    -- What must not: secrets, personal data, the audit log, lines.
    SELECT string_agg(format('%s reads %s.%s', r.rolname, e.name, e.column_name), ', ') INTO v_bad
      FROM (VALUES ('neanelu.shops', 'access_token_ciphertext'), ('neanelu.shops', 'access_token_iv'), ('neanelu.shops', 'access_token_tag'),
                   ('neanelu.shops', 'webhook_secret'), ('neanelu.app_sessions', 'payload'), ('neanelu.oauth_states', 'state'),
                   ('neanelu.oauth_nonces', 'nonce'), ('neanelu.bulk_runs', 'lease_token'), ('neanelu.bulk_runs', 'result_url'),
                   ('neanelu.bulk_lines', 'doc'), ('neanelu.bulk_manifest', 'digest')) AS e (name, column_name)
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname NOT IN ('neanelu_owner', 'neanelu_engine')
       AND has_column_privilege(r.rolname, e.name, e.column_name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'secrets can be read: %', v_bad;
    END IF;
    SELECT string_agg(a.attname, ', ') INTO v_bad
      FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = 'neanelu.shopify_orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname IN ('email', 'phone', 'line_items', 'shipping_address', 'billing_address', 'customer_id', 'tags', 'note', 'note_attributes')
       AND has_column_privilege('neanelu_analyst', a.attrelid, a.attnum, 'SELECT');
    IF v_bad IS NOT NULL OR has_any_column_privilege('neanelu_analyst', 'neanelu.shopify_customers', 'SELECT')
       OR has_any_column_privilege('neanelu_analyst', 'neanelu.staff_users', 'SELECT') THEN
        RAISE EXCEPTION 'analysts read personal data: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_engine', 'neanelu.audit_logs', 'UPDATE') OR has_table_privilege('neanelu_engine', 'neanelu.audit_logs', 'DELETE')
       OR has_table_privilege('neanelu_engine', 'neanelu.audit_logs', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the audit log can be changed';
    END IF;
END
$verify$;

ROLLBACK;
