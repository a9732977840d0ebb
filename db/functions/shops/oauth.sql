-- Deploy neanelu:functions/shops/oauth to pg
-- requires: functions/shops/tokens
-- requires: functions/jobs/schedule
-- requires: functions/sync/lifecycle
-- Installing the app: a state and a nonce that are good once, then a shop with its tokens and what is to be done first.
-- States and nonces arrive as SHA-256 digests, so that no dump and no reader of the table can use one.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, shops, app, extensions, pg_temp;

CREATE FUNCTION shops.supported_api_version()
RETURNS text
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT split_part(pg_get_expr(d.adbin, d.adrelid), '''', 2)
      FROM pg_attrdef AS d
      JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
     WHERE d.adrelid = 'neanelu.shops'::regclass AND a.attname = 'api_version'
$$;
COMMENT ON FUNCTION shops.supported_api_version() IS
    'The version of Shopify''s API that is spoken with a shop unless it says otherwise: the default of shops.api_version. Reads only, takes no locks. '
    'Raises: nothing';

CREATE FUNCTION shops.begin_oauth(
    p_domain text, p_state_digest text, p_nonce_digest text, p_redirect_uri text, p_lifetime interval DEFAULT '10 minutes')
RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_until constant timestamptz := app.now() + p_lifetime;
BEGIN
    IF p_domain IS NULL OR p_domain !~ '^[a-z0-9][a-z0-9-]*\.myshopify\.com$' THEN
        RAISE EXCEPTION '"%" is not the domain of a Shopify shop', p_domain USING ERRCODE = 'NH001';
    ELSIF p_state_digest !~ '^[0-9a-f]{64}$' OR p_nonce_digest !~ '^[0-9a-f]{64}$' OR p_state_digest = p_nonce_digest
       OR p_redirect_uri !~ '^https?://' OR p_lifetime NOT BETWEEN interval '1 second' AND interval '1 hour'
       OR num_nulls(p_state_digest, p_nonce_digest, p_redirect_uri, p_lifetime) > 0 THEN
        RAISE EXCEPTION 'a sign-in has digests of a state and a nonce, an address to return to, and a lifetime of up to an hour'
            USING ERRCODE = 'NH010';
    END IF;
    INSERT INTO neanelu.oauth_states (state, shop_domain, redirect_uri, nonce, expires_at, created_at)
    VALUES (p_state_digest, p_domain, p_redirect_uri, p_nonce_digest, v_until, app.now());
    -- Whoever adds a few takes some old ones away, so that strangers cannot fill the table.
    DELETE FROM neanelu.oauth_states AS s
     WHERE s.id IN (SELECT o.id FROM neanelu.oauth_states AS o
                     WHERE o.used_at IS NULL AND o.expires_at < app.now() - interval '1 hour'
                     ORDER BY o.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED);
    RETURN v_until;
END
$$;
COMMENT ON FUNCTION shops.begin_oauth(text, text, text, text, interval) IS
    'Remembers a sign-in that was begun: the digests (SHA-256, hexadecimal) of its state and of the nonce in the browser''s cookie. Returns until when '
    'it is good. Not idempotent: each sign-in has a state of its own. Locks: what it adds, and old rows that it removes. '
    'Raises: NH001 no Shopify domain, NH010 a digest, address or lifetime that cannot be used, 23505 the state was used before';

CREATE FUNCTION shops.take_oauth_state(p_domain text, p_state_digest text, p_nonce_digest text)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, app, extensions, pg_temp
AS $$
DECLARE
    v_state neanelu.oauth_states;
BEGIN
    SELECT s.* INTO v_state FROM neanelu.oauth_states AS s WHERE s.state = p_state_digest FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF v_state.used_at IS NOT NULL THEN
        RETURN 'used';
    END IF;
    -- Shown once is used, whatever comes of it.
    UPDATE neanelu.oauth_states AS s SET used_at = app.now() WHERE s.id = v_state.id;
    IF v_state.expires_at <= app.now() THEN
        RETURN 'expired';
    ELSIF v_state.nonce IS DISTINCT FROM p_nonce_digest THEN
        RETURN 'other_browser';
    ELSIF v_state.shop_domain IS DISTINCT FROM p_domain::citext THEN
        RETURN 'other_shop';
    END IF;
    INSERT INTO neanelu.oauth_nonces (nonce, used_at, expires_at, created_at)
    VALUES (p_nonce_digest, app.now(), app.now() + interval '1 day', app.now())
    ON CONFLICT (nonce) DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'ok' ELSE 'replayed' END;
END
$$;
COMMENT ON FUNCTION shops.take_oauth_state(text, text, text) IS
    'Takes the state of a callback, once: ok, unknown, used, expired, other_browser (the nonce is not the state''s), other_shop, replayed (the nonce was '
    'seen before). Commit whatever the answer, so that a state is good for one try. Locks: the state''s row. Raises: nothing';

CREATE FUNCTION shops.complete_oauth(
    p_id uuid, p_domain text, p_ciphertext bytea, p_iv bytea, p_tag bytea, p_key_version integer, p_scopes text[],
    p_refresh_token bytea DEFAULT NULL, p_expires_in interval DEFAULT NULL, p_refresh_expires_in interval DEFAULT NULL,
    p_nonce_digest text DEFAULT NULL, p_api_version text DEFAULT NULL, p_timezone text DEFAULT NULL, p_currency_code text DEFAULT NULL,
    p_shopify_shop_id bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, sync, jobs, app, extensions, pg_temp
AS $$
DECLARE
    v_is_new  constant boolean := NOT EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_id AND s.uninstalled_at IS NULL);
    v_runs    integer := 0;
    v_tasks   text[];
BEGIN
    PERFORM app.assert_shop_access(p_id);
    PERFORM shops.register(p_id, p_domain, p_ciphertext, p_iv, p_tag, p_key_version, p_scopes, p_api_version, p_timezone, p_currency_code,
                           p_shopify_shop_id => p_shopify_shop_id);
    IF p_refresh_token IS NOT NULL THEN
        PERFORM shops.store_tokens(p_id, NULL, p_ciphertext, p_iv, p_tag, p_key_version, p_refresh_token, p_expires_in, p_refresh_expires_in);
    END IF;
    UPDATE neanelu.oauth_nonces AS n SET shop_id = p_id WHERE n.nonce = p_nonce_digest;
    IF v_is_new THEN
        SELECT count(sync.request_run(p_id, r.resource)) INTO v_runs FROM neanelu.sync_resources AS r;
    END IF;
    -- Whoever wants to know of a shop with a new token, of those that are deployed.
    SELECT array_agg(h.job_name ORDER BY h.job_name) INTO v_tasks
      FROM neanelu.job_handlers AS h
     CROSS JOIN LATERAL jobs.enqueue(h.queue_name, h.job_name, p_id, p_dedupe_key => h.job_name) AS e
     WHERE h.job_name IN ('shop.subscribe', 'webhooks.subscriptions');
    RETURN jsonb_build_object('shop_id', p_id, 'is_new', v_is_new, 'runs', v_runs, 'jobs', to_jsonb(coalesce(v_tasks, '{}')));
END
$$;
COMMENT ON FUNCTION shops.complete_oauth(uuid, text, bytea, bytea, bytea, integer, text[], bytea, interval, interval, text, text, text, text, bigint) IS
    'Registers a shop that authorised the app, with its sealed tokens, and asks for what comes first: the subscription to webhooks, and a snapshot of '
    'everything when the shop is new or was away. All of it or nothing. p_id comes from shops.reserve_id. Idempotent. Locks: the shop''s row. '
    'Raises: NA002 the login may not work for the shop, and what shops.register raises: NH001, NH003, NH004, NH005, 23505, 23514, NK012';

-- Chores ----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION shops.sweep_tokens(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, jobs, app, pg_temp
AS $$
DECLARE
    v_now  constant timestamptz := clock_timestamp();
    v_due  integer;
BEGIN
    SELECT count(jobs.enqueue('sync', 'token.refresh', t.shop_id, p_dedupe_key => 'token.refresh')) INTO v_due
      FROM neanelu.shop_tokens AS t
     WHERE t.access_expires_at <= v_now + coalesce((p_payload ->> 'margin')::interval, '20 minutes')
       AND (p_shop_id IS NULL OR t.shop_id = p_shop_id)
       AND t.status <> 'refused' AND coalesce(t.not_before, '-infinity') <= v_now AND coalesce(t.lease_expires_at, '-infinity') <= v_now;
    RETURN jsonb_build_object('due', v_due);
END
$$;
COMMENT ON FUNCTION shops.sweep_tokens(uuid, jsonb) IS
    'Handler of token.sweep: asks for token.refresh of every shop whose access token ends within the payload''s margin (20 minutes), and of those whose '
    'refresher died. Idempotent: one job a shop waits at a time. Locks: the rows of jobs that wait already. Raises: 22007 for a margin that is none';

CREATE FUNCTION shops.sweep_sign_ins(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_until    constant timestamptz := app.now() - coalesce((p_payload ->> 'keep')::interval, '1 day');
    v_states   bigint;
    v_nonces   bigint;
    v_sessions bigint;
BEGIN
    DELETE FROM neanelu.oauth_states AS s WHERE s.expires_at < v_until;
    GET DIAGNOSTICS v_states = ROW_COUNT;
    DELETE FROM neanelu.oauth_nonces AS n WHERE n.expires_at < v_until;
    GET DIAGNOSTICS v_nonces = ROW_COUNT;
    DELETE FROM neanelu.app_sessions AS a WHERE a.expires_at < v_until AND (p_shop_id IS NULL OR a.shop_id = p_shop_id);
    GET DIAGNOSTICS v_sessions = ROW_COUNT;
    RETURN jsonb_build_object('states', v_states, 'nonces', v_nonces, 'sessions', v_sessions);
END
$$;
COMMENT ON FUNCTION shops.sweep_sign_ins(uuid, jsonb) IS
    'Handler of sign_in.sweep: deletes states, nonces and sessions that ended longer ago than the payload''s keep (a day). Idempotent. '
    'Locks: the rows it deletes. Raises: 22007 for a keep that is none';

GRANT EXECUTE ON FUNCTION
    shops.begin_oauth(text, text, text, text, interval), shops.take_oauth_state(text, text, text),
    shops.complete_oauth(uuid, text, bytea, bytea, bytea, integer, text[], bytea, interval, interval, text, text, text, text, bigint)
    TO neanelu_webhooks, neanelu_app;
GRANT EXECUTE ON FUNCTION shops.supported_api_version() TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.sweep_tokens(uuid, jsonb), shops.sweep_sign_ins(uuid, jsonb) TO neanelu_worker, neanelu_operator;

SELECT jobs.register_handler('token.refresh', 'sync', 'daemon', p_max_attempts => 3, p_lease => '2 minutes', p_permanent_codes => '{NH006,NH007}');
SELECT jobs.register_handler('token.sweep', 'maintenance', 'database', 'shops.sweep_tokens(uuid, jsonb)');
SELECT jobs.register_handler('sign_in.sweep', 'maintenance', 'database', 'shops.sweep_sign_ins(uuid, jsonb)');
SELECT jobs.schedule('token.sweep', '*/5 * * * *', 'maintenance', 'token.sweep');
SELECT jobs.schedule('sign_in.sweep', '37 * * * *', 'maintenance', 'sign_in.sweep');

COMMIT;
