-- Deploy neanelu:functions/shops/tokens to pg
-- requires: functions/shops/registry
-- requires: policies/tokens
-- Access tokens that expire. Shopify takes a refresh token once, so that one refresher at a time asks for a shop, and
-- what was asked is on record before it is asked: who dies between Shopify's answer and our commit leaves a trace.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, shops, app, extensions, pg_temp;

CREATE FUNCTION shops._pause(p_failures integer)
RETURNS interval
LANGUAGE sql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT least(interval '5 seconds' * 2 ^ least(greatest(p_failures - 1, 0), 10), interval '10 minutes') * (0.5 + random() / 2)
$$;
COMMENT ON FUNCTION shops._pause(integer) IS
    'How long to leave Shopify alone after so many failures to renew a token: 5 seconds, doubled each time up to 10 minutes, less up to a half at random. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION shops._token(p_shop_id uuid, p_for_update boolean)
RETURNS neanelu.shop_tokens
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_token neanelu.shop_tokens;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    -- The shop first: shops.register and shops.uninstall lock in that order.
    IF p_for_update THEN
        PERFORM FROM neanelu.shops AS s WHERE s.id = p_shop_id AND s.uninstalled_at IS NULL FOR NO KEY UPDATE;
    ELSE
        PERFORM FROM neanelu.shops AS s WHERE s.id = p_shop_id AND s.uninstalled_at IS NULL;
    END IF;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id) THEN
            RAISE EXCEPTION 'shop % uninstalled the app', p_shop_id USING ERRCODE = 'NH006', HINT = 'Its tokens are erased.';
        END IF;
        RAISE EXCEPTION 'there is no shop %', p_shop_id USING ERRCODE = 'NH002';
    END IF;
    IF p_for_update THEN
        SELECT t.* INTO v_token FROM neanelu.shop_tokens AS t WHERE t.shop_id = p_shop_id FOR UPDATE;
    ELSE
        SELECT t.* INTO v_token FROM neanelu.shop_tokens AS t WHERE t.shop_id = p_shop_id;
    END IF;
    RETURN v_token;
END
$$;
COMMENT ON FUNCTION shops._token(uuid, boolean) IS
    'The row of an installed shop''s expiring token, all NULL where it does not expire. Locks, when asked to: the shop''s row, then this. '
    'Raises: NA002 the login may not work for the shop, NH002 no such shop, NH006 uninstalled';

CREATE FUNCTION shops.begin_token_refresh(
    p_shop_id uuid, p_refresher text, p_lease interval DEFAULT '60 seconds', p_margin interval DEFAULT '15 minutes',
    p_refused_pair uuid DEFAULT NULL, p_insist boolean DEFAULT false,
    OUT outcome text, OUT attempt_id uuid, OUT pair_id uuid, OUT refresh_token bytea, OUT domain text, OUT wait interval,
    OUT unanswered_since timestamptz)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, app, pg_temp
AS $$
DECLARE
    v_now   constant timestamptz := clock_timestamp();
    v_token neanelu.shop_tokens := shops._token(p_shop_id, true);
    v_due   boolean;
BEGIN
    wait := '0';
    pair_id := v_token.pair_id;
    IF v_token.shop_id IS NULL THEN
        outcome := 'permanent';
        RETURN;
    END IF;
    v_due := p_insist OR v_token.access_expires_at <= v_now + p_margin OR coalesce(v_token.pair_id = p_refused_pair, false);
    IF NOT v_due THEN
        outcome := 'fresh';
    ELSIF v_token.status = 'refused' AND NOT p_insist THEN
        RAISE EXCEPTION 'Shopify refused to renew the token of shop %', p_shop_id
            USING ERRCODE = 'NH007', DETAIL = v_token.error_message, HINT = 'The shop must authorise the app again: neanelu shop authorize SHOP.';
    ELSIF v_token.status = 'refreshing' AND v_token.lease_expires_at > v_now THEN
        outcome := 'wait';
        wait := v_token.lease_expires_at - v_now;
    ELSIF v_token.not_before > v_now AND NOT p_insist THEN
        outcome := 'wait';
        wait := v_token.not_before - v_now;
    ELSE
        outcome := 'refresh';
        UPDATE neanelu.shop_tokens AS t
           SET status = 'refreshing', attempt_id = uuidv7(), asked_by = p_refresher, asked_at = v_now, lease_expires_at = v_now + p_lease,
               -- A refresher whose lease ran out has taken its answer with it, if there was one.
               unanswered_since = CASE WHEN t.status = 'refreshing' THEN coalesce(t.unanswered_since, t.asked_at) ELSE t.unanswered_since END,
               not_before = NULL, refused_at = NULL
         WHERE t.shop_id = p_shop_id
        RETURNING t.* INTO v_token;
        attempt_id := v_token.attempt_id;
        refresh_token := v_token.refresh_token;
        unanswered_since := v_token.unanswered_since;
        domain := (SELECT s.shopify_domain::text FROM neanelu.shops AS s WHERE s.id = p_shop_id);
    END IF;
END
$$;
COMMENT ON FUNCTION shops.begin_token_refresh(uuid, text, interval, interval, uuid, boolean) IS
    'Says whether to renew a shop''s access token now, and to whom it says refresh, nobody else may until p_lease is over. outcome: permanent (the token '
    'does not expire), fresh (it lasts longer than p_margin, and is not the pair p_refused_pair whose token Shopify refused), wait (somebody is '
    'at it, or it failed just now: look again within wait), refresh (ask Shopify with the sealed refresh_token, then shops.store_tokens or '
    'shops.fail_token_refresh with attempt_id and pair_id). unanswered_since: an earlier answer may be lost. p_insist asks whatever the record says, except '
    'while somebody is at it. Commit before asking Shopify. Calling it again waits for the first call''s lease. Locks: the rows of the shop and its token. '
    'Raises: NA002 the login may not work for the shop, NH002 no such shop, NH006 uninstalled, NH007 Shopify refused the refresh token before';

CREATE FUNCTION shops.store_tokens(
    p_shop_id uuid, p_pair_id uuid, p_ciphertext bytea, p_iv bytea, p_tag bytea, p_key_version integer, p_refresh_token bytea,
    p_expires_in interval, p_refresh_expires_in interval DEFAULT NULL, p_scopes text[] DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, app, pg_temp
AS $$
DECLARE
    v_now   constant timestamptz := clock_timestamp();
    v_token neanelu.shop_tokens := shops._token(p_shop_id, true);
BEGIN
    IF v_token.pair_id IS DISTINCT FROM p_pair_id THEN
        RETURN false;
    END IF;
    IF num_nulls(p_ciphertext, p_iv, p_tag, p_key_version, p_refresh_token, p_expires_in) > 0 THEN
        RAISE EXCEPTION 'a pair of tokens has two sealed tokens, a key version and a lifetime' USING ERRCODE = 'NH005';
    END IF;
    UPDATE neanelu.shops AS s
       SET access_token_ciphertext = p_ciphertext, access_token_iv = p_iv, access_token_tag = p_tag, key_version = p_key_version,
           scopes = coalesce(p_scopes, s.scopes), updated_at = v_now
     WHERE s.id = p_shop_id;
    INSERT INTO neanelu.shop_tokens AS t (shop_id, refresh_token, access_expires_at, refresh_expires_at, stored_at)
    VALUES (p_shop_id, p_refresh_token, v_now + p_expires_in, v_now + p_refresh_expires_in, v_now)
    ON CONFLICT (shop_id) DO UPDATE
       SET refresh_token = excluded.refresh_token, access_expires_at = excluded.access_expires_at,
           refresh_expires_at = excluded.refresh_expires_at, stored_at = excluded.stored_at, pair_id = excluded.pair_id, status = 'valid',
           unanswered_since = NULL, lease_expires_at = NULL, not_before = NULL, failures = 0, refused_at = NULL, error_code = NULL, error_message = NULL;
    RETURN true;
END
$$;
COMMENT ON FUNCTION shops.store_tokens(uuid, uuid, bytea, bytea, bytea, integer, bytea, interval, interval, text[]) IS
    'Stores a sealed pair of access and refresh token, both or neither, in the place of the pair p_pair_id (NULL: the shop had no pair). '
    'False, and nothing stored, when another pair was stored meanwhile; then drop this one, Shopify has replaced it. Also right when the lease of the '
    'refresher ran out, or another was refused meanwhile: the newest pair is the one that works. Called again it says false. '
    'Locks: the rows of the shop and its token. '
    'Raises: NA002 the login may not work for the shop, NH002 no such shop, NH005 something missing, NH006 uninstalled, NK012 sealed with a key that was replaced';

CREATE FUNCTION shops.fail_token_refresh(
    p_shop_id uuid, p_attempt_id uuid, p_code text, p_message text, p_is_refused boolean, p_is_answered boolean)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, app, pg_temp
AS $$
DECLARE
    v_now    constant timestamptz := clock_timestamp();
    v_token  neanelu.shop_tokens := shops._token(p_shop_id, true);
    v_status text;
BEGIN
    IF v_token.attempt_id IS DISTINCT FROM p_attempt_id OR v_token.status <> 'refreshing' THEN
        RETURN coalesce(v_token.status, 'permanent');
    END IF;
    v_status := CASE WHEN p_is_refused THEN 'refused' ELSE 'valid' END;
    UPDATE neanelu.shop_tokens AS t
       SET status = v_status, lease_expires_at = NULL, failures = t.failures + 1, not_before = v_now + shops._pause(t.failures + 1),
           refused_at = CASE WHEN p_is_refused THEN v_now END, error_code = p_code,
           unanswered_since = CASE WHEN p_is_answered THEN t.unanswered_since ELSE coalesce(t.unanswered_since, t.asked_at) END,
           error_message = left(CASE WHEN p_is_refused AND t.unanswered_since IS NOT NULL
               THEN format('an answer of Shopify was lost at %s, and the refresh token it replaced is not taken any more: %s', t.unanswered_since, p_message)
               ELSE p_message END, 1000)
     WHERE t.shop_id = p_shop_id;
    RETURN v_status;
END
$$;
COMMENT ON FUNCTION shops.fail_token_refresh(uuid, uuid, text, text, boolean, boolean) IS
    'Ends an attempt that brought no pair. p_is_refused: Shopify does not take the refresh token, so the shop must authorise the app again. '
    'p_is_answered: Shopify answered, so that the refresh token was not used; where not, that is remembered, and a later refusal is known for what it is. '
    'Sets a growing pause. Returns the status of the pair; an attempt that is not the last one changes nothing. Idempotent. '
    'Locks: the rows of the shop and its token. Raises: NA002 the login may not work for the shop, NH002 no such shop, NH006 uninstalled';

CREATE FUNCTION shops.token_report(p_shop_id uuid DEFAULT NULL)
RETURNS TABLE (
    shop_id uuid, domain text, kind text, status text, expires_at timestamptz, refresh_expires_at timestamptz, stored_at timestamptz,
    failures integer, unanswered_since timestamptz, refused_at timestamptz, error_code text, error_message text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
    SELECT s.id, s.shopify_domain::text,
           CASE WHEN s.uninstalled_at IS NOT NULL THEN 'none' WHEN t.shop_id IS NULL THEN 'permanent' ELSE 'expiring' END,
           CASE WHEN s.uninstalled_at IS NOT NULL THEN 'erased'
                WHEN t.status = 'refused' THEN 'needs_authorization'
                WHEN t.access_expires_at <= app.now() THEN 'expired'
                WHEN t.status = 'refreshing' THEN 'refreshing'
                ELSE 'valid' END,
           t.access_expires_at, t.refresh_expires_at, coalesce(t.stored_at, s.installed_at), coalesce(t.failures, 0), t.unanswered_since,
           t.refused_at, t.error_code::text, t.error_message
      FROM neanelu.shops AS s
      LEFT JOIN neanelu.shop_tokens AS t ON t.shop_id = s.id
     WHERE p_shop_id IS NULL OR s.id = p_shop_id
     ORDER BY s.shopify_domain
$$;
COMMENT ON FUNCTION shops.token_report(uuid) IS
    'How each shop''s access token does, without any: kind (permanent, expiring, none), status (valid, refreshing, expired, needs_authorization, erased), '
    'lifetimes, failures. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION shops.token_metrics()
RETURNS TABLE (status text, shops bigint)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, shops, pg_temp
AS $$
    SELECT s.status, count(r.status)
      FROM unnest(ARRAY['valid', 'refreshing', 'expired', 'needs_authorization']) AS s (status)
      LEFT JOIN shops.token_report() AS r ON r.status = s.status
     GROUP BY s.status
$$;
COMMENT ON FUNCTION shops.token_metrics() IS
    'For a daemon''s metrics: how many installed shops'' access tokens are in which status of shops.token_report, zeros included. Reads only, takes no locks. '
    'Raises: nothing';

GRANT EXECUTE ON FUNCTION
    shops.begin_token_refresh(uuid, text, interval, interval, uuid, boolean),
    shops.store_tokens(uuid, uuid, bytea, bytea, bytea, integer, bytea, interval, interval, text[]),
    shops.fail_token_refresh(uuid, uuid, text, text, boolean, boolean)
    TO neanelu_sync, neanelu_worker;
GRANT EXECUTE ON FUNCTION shops.token_report(uuid) TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION shops.token_metrics() TO neanelu_worker, neanelu_operator;

COMMIT;
