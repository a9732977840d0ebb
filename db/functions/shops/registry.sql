-- Deploy neanelu:functions/shops/registry to pg
-- requires: functions/sync/lifecycle
-- requires: policies/grants
-- requires: policies/tokens
-- Shops come, change their token, and go. Tokens arrive sealed: the database keeps what it cannot open.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, shops, app, extensions, pg_temp;

CREATE TYPE shops.shop AS (
    id              uuid,
    domain          text,
    shopify_shop_id bigint,
    plan_tier       text,
    api_version     text,
    key_version     integer,
    scopes          text[],
    timezone        text,
    currency_code   text,
    is_installed    boolean,
    installed_at    timestamptz,
    uninstalled_at  timestamptz
);
COMMENT ON TYPE shops.shop IS 'A registered shop without anything secret: what shops.find and shops.list answer';

CREATE FUNCTION shops._public(p_shop neanelu.shops)
RETURNS shops.shop
LANGUAGE sql
STABLE
PARALLEL SAFE
RETURN ROW((p_shop).id, (p_shop).shopify_domain::text, (p_shop).shopify_shop_id, (p_shop).plan_tier, (p_shop).api_version,
           (p_shop).key_version, (p_shop).scopes, (p_shop).timezone, (p_shop).currency_code, (p_shop).uninstalled_at IS NULL,
           (p_shop).installed_at, (p_shop).uninstalled_at)::shops.shop;
COMMENT ON FUNCTION shops._public(neanelu.shops) IS
    'A row of the registry without its secrets. Pure; its body is bound at creation, so no search_path applies. Takes no locks. Raises: nothing';

CREATE FUNCTION shops.list(p_installed_only boolean DEFAULT false)
RETURNS SETOF shops.shop
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, shops, pg_temp
AS $$
    SELECT x.*
      FROM neanelu.shops AS s
     CROSS JOIN LATERAL shops._public(s) AS x
     WHERE s.uninstalled_at IS NULL OR NOT p_installed_only
     ORDER BY s.shopify_domain
$$;
COMMENT ON FUNCTION shops.list(boolean) IS
    'All shops in the order of their domains, also those that uninstalled unless p_installed_only; no secrets. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION shops.find(p_shop text)
RETURNS SETOF shops.shop
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, shops, extensions, pg_temp
AS $$
DECLARE
    v_id     uuid;
    v_domain constant citext := CASE WHEN strpos(p_shop, '.') = 0 THEN p_shop || '.myshopify.com' ELSE p_shop END;
BEGIN
    IF pg_input_is_valid(p_shop, 'uuid') THEN
        v_id := p_shop::uuid;
    END IF;
    RETURN QUERY
    SELECT x.*
      FROM neanelu.shops AS s
     CROSS JOIN LATERAL shops._public(s) AS x
     WHERE s.id = v_id OR s.shopify_domain = v_domain;
END
$$;
COMMENT ON FUNCTION shops.find(text) IS
    'The shop with this domain (in any case, with or without .myshopify.com) or id, or no row; no secrets. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION shops.reserve_id(p_domain text, p_shopify_shop_id bigint DEFAULT NULL)
RETURNS uuid
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, extensions, pg_temp
AS $$
    SELECT coalesce((SELECT s.id FROM neanelu.shops AS s WHERE s.shopify_shop_id = p_shopify_shop_id),
                    (SELECT s.id FROM neanelu.shops AS s WHERE s.shopify_domain = p_domain::citext), uuidv7())
$$;
COMMENT ON FUNCTION shops.reserve_id(text, bigint) IS
    'The id under which a shop is or will be registered: by its number at Shopify, which it keeps when its domain is renamed, or by its domain. Needed before shops.register, because the id is part of what the token is sealed '
    'with. Stores nothing: a new domain gets another id with every call. Takes no locks. Raises: nothing';

CREATE FUNCTION shops._assert_timezone(p_timezone text)
RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_timezone IS NOT NULL AND NOT EXISTS (SELECT FROM pg_timezone_names AS z WHERE z.name = p_timezone) THEN
        RAISE EXCEPTION 'there is no time zone "%"', p_timezone
            USING ERRCODE = 'NH004', HINT = 'An IANA name such as Europe/Bucharest, as Shop.ianaTimezone gives it.';
    END IF;
END
$$;
COMMENT ON FUNCTION shops._assert_timezone(text) IS
    'Refuses what is no IANA time zone of the server; NULL passes. Reads only, takes no locks. Raises: NH004';

CREATE FUNCTION shops.register(
    p_id uuid, p_domain text, p_ciphertext bytea, p_iv bytea, p_tag bytea, p_key_version integer, p_scopes text[],
    p_api_version text DEFAULT NULL, p_timezone text DEFAULT NULL, p_currency_code text DEFAULT NULL,
    p_webhook_secret bytea DEFAULT NULL, p_shopify_shop_id bigint DEFAULT NULL, p_plan_tier text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, extensions, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    IF p_domain IS NULL OR p_domain !~* '^[a-z0-9][a-z0-9-]*\.myshopify\.com$' THEN
        RAISE EXCEPTION '"%" is not the domain of a Shopify shop', p_domain
            USING ERRCODE = 'NH001', HINT = 'The permanent domain, <name>.myshopify.com.';
    END IF;
    IF p_id IS NULL OR num_nulls(p_ciphertext, p_iv, p_tag, p_key_version, p_scopes) > 0 THEN
        RAISE EXCEPTION 'registering % needs an id, a sealed token with its key version, and the scopes', p_domain USING ERRCODE = 'NH005';
    END IF;
    PERFORM shops._assert_timezone(p_timezone);
    -- A shop that renamed its domain keeps its number, and is the same shop here.
    UPDATE neanelu.shops AS s SET shopify_domain = lower(p_domain), updated_at = clock_timestamp()
     WHERE s.id = p_id AND s.shopify_shop_id = p_shopify_shop_id AND s.shopify_domain <> p_domain::citext;
    -- The columns that are not given take the table's defaults when the shop is new, and stay as they are when it is not.
    INSERT INTO neanelu.shops AS s (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, key_version, scopes)
    VALUES (p_id, lower(p_domain), p_ciphertext, p_iv, p_tag, p_key_version, p_scopes)
    ON CONFLICT (shopify_domain) DO UPDATE
       SET access_token_ciphertext = excluded.access_token_ciphertext, access_token_iv = excluded.access_token_iv,
           access_token_tag = excluded.access_token_tag, key_version = excluded.key_version, scopes = excluded.scopes,
           installed_at = CASE WHEN s.uninstalled_at IS NULL THEN s.installed_at ELSE excluded.installed_at END,
           uninstalled_at = NULL, updated_at = clock_timestamp()
     WHERE s.id = excluded.id
    RETURNING s.id INTO v_id;
    IF v_id IS NULL THEN
        RAISE EXCEPTION 'shop % is registered under another id', p_domain
            USING ERRCODE = 'NH003', HINT = 'Ask shops.reserve_id, seal the token for that id and register again.';
    END IF;
    -- What belongs to the token that was replaced. shops.complete_oauth brings the new one's.
    DELETE FROM neanelu.shop_tokens AS t WHERE t.shop_id = p_id;
    UPDATE neanelu.shops AS s
       SET api_version = coalesce(p_api_version, s.api_version), timezone = coalesce(p_timezone, s.timezone),
           currency_code = coalesce(p_currency_code, s.currency_code), webhook_secret = coalesce(p_webhook_secret, s.webhook_secret),
           shopify_shop_id = coalesce(p_shopify_shop_id, s.shopify_shop_id), plan_tier = coalesce(p_plan_tier, s.plan_tier)
     WHERE s.id = p_id
       AND num_nonnulls(p_api_version, p_timezone, p_currency_code, p_webhook_secret, p_shopify_shop_id, p_plan_tier) > 0;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION shops.register(uuid, text, bytea, bytea, bytea, integer, text[], text, text, text, bytea, bigint, text) IS
    'Registers a shop with its sealed token (AES-256-GCM: ciphertext, 12 bytes of IV, 16 of tag), or gives a known one a new token; one that '
    'uninstalled is installed again, with the data it left, and one that comes under another domain with its number (p_shopify_shop_id) and its id is renamed. What is NULL keeps its value (api_version: the supported default). p_id comes from '
    'shops.reserve_id. The token counts as one that does not expire: a refresh token of the one before is erased. Returns the id. Idempotent. Locks: the shop''s row. '
    'Raises: NH001 no Shopify domain, NH003 the domain has another id, NH004 no time zone, NH005 something missing, '
    '23505 the Shopify id or the domain belongs to another shop, 23514 a value that a CHECK of shops refuses';

CREATE FUNCTION shops.credentials(p_shop_id uuid)
RETURNS TABLE (ciphertext bytea, iv bytea, tag bytea, key_version integer, domain text, api_version text, expires_at timestamptz, pair_id uuid)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_shop  neanelu.shops;
    v_token neanelu.shop_tokens;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT s.* INTO v_shop FROM neanelu.shops AS s WHERE s.id = p_shop_id;
    IF v_shop.id IS NULL THEN
        RAISE EXCEPTION 'there is no shop %', p_shop_id USING ERRCODE = 'NH002';
    ELSIF v_shop.uninstalled_at IS NOT NULL THEN
        RAISE EXCEPTION 'shop % uninstalled the app on %', v_shop.shopify_domain, v_shop.uninstalled_at
            USING ERRCODE = 'NH006', HINT = 'Its token is erased. Register the shop again with a new one.';
    END IF;
    SELECT t.* INTO v_token FROM neanelu.shop_tokens AS t WHERE t.shop_id = p_shop_id;
    IF v_token.status = 'refused' AND v_token.access_expires_at <= app.now() THEN
        RAISE EXCEPTION 'the token of shop % ended on %, and Shopify refused to renew it', v_shop.shopify_domain, v_token.access_expires_at
            USING ERRCODE = 'NH007', DETAIL = v_token.error_message, HINT = 'The shop must authorise the app again: neanelu shop authorize SHOP.';
    END IF;
    RETURN QUERY SELECT v_shop.access_token_ciphertext, v_shop.access_token_iv, v_shop.access_token_tag, v_shop.key_version,
                        v_shop.shopify_domain::text, v_shop.api_version::text, v_token.access_expires_at, v_token.pair_id;
END
$$;
COMMENT ON FUNCTION shops.credentials(uuid) IS
    'The sealed token of an installed shop, and where and how to use it; the key to open it is never in the database. expires_at and pair_id are '
    'NULL for a token that does not expire; one that has ended is returned too, for shops.begin_token_refresh to say what to do. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for the shop, NH002 no such shop, NH006 uninstalled, NH007 ended and Shopify refused to renew it';

CREATE FUNCTION shops.uninstall(p_shop_id uuid)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, sync, app, pg_temp
AS $$
DECLARE
    v_run       uuid;
    v_cancelled integer := 0;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    -- The webhook secret stays: the request to erase the shop comes two days later, signed with it, and takes it along.
    UPDATE neanelu.shops AS s
       SET access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL,
           uninstalled_at = greatest(clock_timestamp(), s.installed_at), updated_at = clock_timestamp()
     WHERE s.id = p_shop_id AND s.uninstalled_at IS NULL;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id) THEN
        RAISE EXCEPTION 'there is no shop %', p_shop_id USING ERRCODE = 'NH002';
    END IF;
    DELETE FROM neanelu.shop_tokens AS t WHERE t.shop_id = p_shop_id;
    -- Sessions may hold online tokens.
    DELETE FROM neanelu.app_sessions AS a WHERE a.shop_id = p_shop_id;
    DELETE FROM neanelu.oauth_nonces AS n WHERE n.shop_id = p_shop_id;
    FOR v_run IN
        SELECT r.id FROM neanelu.bulk_runs AS r
         WHERE r.shop_id = p_shop_id AND r.status IN ('pending', 'running') ORDER BY r.id FOR UPDATE
    LOOP
        PERFORM sync.cancel_run(v_run);
        v_cancelled := v_cancelled + 1;
    END LOOP;
    RETURN v_cancelled;
END
$$;
COMMENT ON FUNCTION shops.uninstall(uuid) IS
    'Ends a shop''s installation: erases its tokens and sessions, cancels its waiting and running runs. The mirror, and the secret that signs the '
    'shop''s webhooks, stay until they are erased or the shop comes back. Returns how many runs were cancelled. Idempotent. Locks: the shop''s row, then its open runs, so it '
    'waits for a merge that is under way. Raises: NA002 the login may not work for the shop, NH002 no such shop';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA shops FROM PUBLIC;
REVOKE USAGE ON TYPE shops.shop FROM PUBLIC;
GRANT USAGE ON TYPE shops.shop TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.find(text), shops.list(boolean) TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.reserve_id(text, bigint) TO neanelu_sync, neanelu_webhooks, neanelu_app, neanelu_operator;
GRANT EXECUTE ON FUNCTION
    shops.register(uuid, text, bytea, bytea, bytea, integer, text[], text, text, text, bytea, bigint, text)
    TO neanelu_sync, neanelu_app, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.uninstall(uuid) TO neanelu_sync, neanelu_app, neanelu_webhooks, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.credentials(uuid) TO neanelu_sync, neanelu_worker;

COMMIT;
