-- Deploy neanelu:functions/flags/flags to pg
-- requires: functions/app/context
-- requires: policies/grants
-- Is a feature on for a shop, and why. In this order: kill switch, blocked, allowed, conditions and rollout, default.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, flags, app, extensions, pg_temp;

CREATE FUNCTION flags._bucket(p_flag text, p_shop_id uuid)
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN (('x' || encode(substring(sha256(convert_to(p_flag || '/' || p_shop_id::text, 'UTF8')) FROM 1 FOR 4), 'hex'))::bit(32)::bigint * 100 >> 32)::integer;
COMMENT ON FUNCTION flags._bucket(text, uuid) IS
    'Which of a hundred parts a shop falls into for a flag, 0 to 99: always the same one, and another for another flag. Pure. Raises: nothing';

CREATE FUNCTION flags._attribute(p_shop neanelu.shops, p_name text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE p_name
        WHEN 'plan_tier' THEN to_jsonb(p_shop.plan_tier)
        WHEN 'timezone' THEN to_jsonb(p_shop.timezone)
        WHEN 'currency_code' THEN to_jsonb(p_shop.currency_code)
        WHEN 'api_version' THEN to_jsonb(p_shop.api_version)
        WHEN 'scopes' THEN to_jsonb(p_shop.scopes)
        WHEN 'domain' THEN to_jsonb(p_shop.shopify_domain::text)
        WHEN 'installed_at' THEN to_jsonb(to_char(p_shop.installed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
        ELSE p_shop.settings #> (string_to_array(p_name, '.'))[2:]
    END;
END
$$;
COMMENT ON FUNCTION flags._attribute(neanelu.shops, text) IS
    'What a shop has for an attribute of conditions; settings.a.b is what lies there in its settings. SQL NULL where there is nothing. Pure. Raises: nothing';

CREATE FUNCTION flags._holds(p_name text, p_actual jsonb, p_operator text, p_wanted jsonb)
RETURNS boolean
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_actual jsonb := p_actual;
    v_wanted jsonb := p_wanted;
BEGIN
    IF p_operator = 'in' AND jsonb_typeof(p_actual) = 'array' THEN
        RETURN EXISTS (SELECT FROM jsonb_array_elements(p_actual) AS a (v) WHERE p_wanted @> jsonb_build_array(a.v));
    ELSIF p_operator = 'has' AND jsonb_typeof(p_wanted) <> 'array' THEN
        v_wanted := jsonb_build_array(p_wanted);
    ELSIF p_name = 'plan_tier' THEN
        -- Plans are compared by their place.
        v_actual := to_jsonb(coalesce(array_position(ARRAY['basic', 'pro', 'enterprise'], p_actual #>> '{}'), 0));
        v_wanted := to_jsonb(coalesce(array_position(ARRAY['basic', 'pro', 'enterprise'], p_wanted #>> '{}'), 0));
    END IF;
    RETURN coalesce(CASE p_operator
        WHEN 'eq' THEN p_actual = p_wanted
        WHEN 'not' THEN p_actual IS DISTINCT FROM p_wanted
        WHEN 'in' THEN p_wanted @> jsonb_build_array(p_actual)
        WHEN 'has' THEN jsonb_typeof(p_actual) = 'array' AND p_actual @> v_wanted
        WHEN 'gte' THEN jsonb_typeof(v_actual) = jsonb_typeof(v_wanted) AND v_actual >= v_wanted
        WHEN 'lte' THEN jsonb_typeof(v_actual) = jsonb_typeof(v_wanted) AND v_actual <= v_wanted
    END, false);
END
$$;
COMMENT ON FUNCTION flags._holds(text, jsonb, text, jsonb) IS
    'Whether one condition holds. eq and not compare whole values; in: the value, or one of a list''s, is among those wanted; has: a list has all that is '
    'wanted; gte and lte: values of one kind, text in the order of its bytes, plans in theirs. What is not there equals nothing. Pure. Raises: nothing';

CREATE FUNCTION flags._unmet(p_shop neanelu.shops, p_conditions jsonb)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name     text;
    v_rule     jsonb;
    v_operator text;
    v_wanted   jsonb;
    v_actual   jsonb;
BEGIN
    FOR v_name, v_rule IN SELECT c.key, c.value FROM jsonb_each(p_conditions) AS c LOOP
        v_actual := flags._attribute(p_shop, v_name);
        IF jsonb_typeof(v_rule) <> 'object' THEN
            v_rule := jsonb_build_object('eq', v_rule);
        END IF;
        FOR v_operator, v_wanted IN SELECT o.key, o.value FROM jsonb_each(v_rule) AS o LOOP
            IF NOT flags._holds(v_name, v_actual, v_operator, v_wanted) THEN
                RETURN jsonb_build_object('attribute', v_name, 'is', v_actual, 'wanted', jsonb_build_object(v_operator, v_wanted));
            END IF;
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION flags._unmet(neanelu.shops, jsonb) IS
    'The first condition that a shop does not meet, NULL when it meets all. Pure. Raises: nothing';

CREATE FUNCTION flags._decide(p_flag neanelu.feature_flags, p_shop neanelu.shops, OUT is_enabled boolean, OUT reason text, OUT detail jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, flags, pg_temp
AS $$
DECLARE
    v_bucket integer;
BEGIN
    detail := '{}';
    IF p_flag.id IS NULL THEN
        SELECT false, 'unknown' INTO is_enabled, reason;
        RETURN;
    ELSIF NOT p_flag.is_active THEN
        SELECT false, 'killed' INTO is_enabled, reason;
        RETURN;
    ELSIF p_shop.id = ANY (p_flag.blocked_shop_ids) THEN
        SELECT false, 'blocked' INTO is_enabled, reason;
        RETURN;
    ELSIF p_shop.id = ANY (p_flag.allowed_shop_ids) THEN
        SELECT true, 'allowed' INTO is_enabled, reason;
        RETURN;
    END IF;
    SELECT p_flag.default_value, 'default' INTO is_enabled, reason;
    IF p_flag.conditions <> '{}' THEN
        detail := CASE WHEN p_shop.id IS NULL THEN '{"attribute": "shop"}' ELSE flags._unmet(p_shop, p_flag.conditions) END;
        IF detail IS NOT NULL THEN
            reason := 'conditions';
            RETURN;
        END IF;
    END IF;
    -- Without a shop there is no part to fall into: only a full rollout reaches it.
    v_bucket := CASE WHEN p_shop.id IS NULL THEN 99 ELSE flags._bucket(p_flag.flag_key, p_shop.id) END;
    detail := jsonb_build_object('bucket', v_bucket, 'rollout_percentage', p_flag.rollout_percentage);
    IF v_bucket < p_flag.rollout_percentage THEN
        SELECT true, 'rollout' INTO is_enabled, reason;
    END IF;
END
$$;
COMMENT ON FUNCTION flags._decide(neanelu.feature_flags, neanelu.shops) IS
    'The rules: killed is off; blocked is off; allowed is on; who meets all conditions and falls into the rollout has it on; everybody else has the default. '
    'Pure. Raises: nothing';

CREATE FUNCTION flags.explain(p_flag text, p_shop_id uuid DEFAULT NULL)
RETURNS TABLE (is_enabled boolean, reason text, detail jsonb)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, flags, app, pg_temp
AS $$
DECLARE
    v_flag neanelu.feature_flags;
    v_shop neanelu.shops;
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    SELECT f.* INTO v_flag FROM neanelu.feature_flags AS f WHERE f.flag_key = p_flag;
    SELECT s.* INTO v_shop FROM neanelu.shops AS s WHERE s.id = p_shop_id;
    RETURN QUERY SELECT d.is_enabled, d.reason, d.detail FROM flags._decide(v_flag, v_shop) AS d;
END
$$;
COMMENT ON FUNCTION flags.explain(text, uuid) IS
    'Whether a flag is on for a shop (NULL: for the platform itself), and why: unknown, killed, blocked, allowed, conditions (one is not met, see detail: the '
    'default counts), rollout, default. Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

CREATE FUNCTION flags.is_enabled(p_flag text, p_shop_id uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, flags, app, pg_temp
AS $$
DECLARE
    v_flag       neanelu.feature_flags;
    v_shop       neanelu.shops;
    v_is_enabled boolean;
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    SELECT f.* INTO v_flag FROM neanelu.feature_flags AS f WHERE f.flag_key = p_flag;
    IF v_flag.is_active THEN
        SELECT s.* INTO v_shop FROM neanelu.shops AS s WHERE s.id = p_shop_id;
        SELECT d.is_enabled INTO v_is_enabled FROM flags._decide(v_flag, v_shop) AS d;
    END IF;
    RETURN coalesce(v_is_enabled, false);
END
$$;
COMMENT ON FUNCTION flags.is_enabled(text, uuid) IS
    'Whether a flag is on for a shop (NULL: for the platform itself); a flag that does not exist is off. Stable per shop and flag: raising the rollout '
    'only adds shops. Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

CREATE FUNCTION flags.enabled_for(p_shop_id uuid)
RETURNS SETOF text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, flags, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT f.flag_key::text
      FROM neanelu.feature_flags AS f
      LEFT JOIN neanelu.shops AS s ON s.id = p_shop_id
     CROSS JOIN LATERAL flags._decide(f, s) AS d
     WHERE d.is_enabled
     ORDER BY f.flag_key;
END
$$;
COMMENT ON FUNCTION flags.enabled_for(uuid) IS
    'All flags that are on for a shop, by name. Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

-- Written by operators ----------------------------------------------------------------------------------------------------

CREATE FUNCTION flags._assert_conditions(p_conditions jsonb)
RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_bad text;
BEGIN
    IF jsonb_typeof(p_conditions) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'conditions are an object by attribute' USING ERRCODE = 'NF002', HINT = '{"plan_tier": {"in": ["pro", "enterprise"]}}';
    END IF;
    SELECT format('%s: %s', c.key, o.key) INTO v_bad
      FROM jsonb_each(p_conditions) AS c
     CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(c.value) = 'object' THEN c.value ELSE jsonb_build_object('eq', c.value) END) AS o
     WHERE c.key !~ '^(plan_tier|timezone|currency_code|api_version|scopes|domain|installed_at|settings(\.[^.]+)+)$'
        OR o.key NOT IN ('eq', 'not', 'in', 'has', 'gte', 'lte')
        OR o.key = 'in' AND jsonb_typeof(o.value) <> 'array'
        OR o.key IN ('gte', 'lte') AND jsonb_typeof(o.value) NOT IN ('string', 'number')
        OR c.key = 'plan_tier' AND o.key IN ('gte', 'lte') AND o.value #>> '{}' NOT IN ('basic', 'pro', 'enterprise')
     LIMIT 1;
    IF v_bad IS NOT NULL OR EXISTS (SELECT FROM jsonb_each(p_conditions) AS c WHERE c.value = '{}') THEN
        RAISE EXCEPTION 'this condition cannot be understood: %', coalesce(v_bad, 'an attribute without an operator')
            USING ERRCODE = 'NF002', HINT = 'Attributes: plan_tier, timezone, currency_code, api_version, scopes, domain, installed_at, settings.…; '
                                            'operators: eq, not, in, has, gte, lte.';
    END IF;
END
$$;
COMMENT ON FUNCTION flags._assert_conditions(jsonb) IS
    'Refuses conditions with an attribute or operator that there is not, or an operator with a value of the wrong kind. Pure. Raises: NF002';

CREATE FUNCTION flags.set_flag(
    p_flag text, p_default_value boolean DEFAULT NULL, p_is_active boolean DEFAULT NULL, p_rollout_percentage integer DEFAULT NULL,
    p_allowed_shop_ids uuid[] DEFAULT NULL, p_blocked_shop_ids uuid[] DEFAULT NULL, p_conditions jsonb DEFAULT NULL, p_description text DEFAULT NULL)
RETURNS neanelu.feature_flags
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, flags, pg_temp
AS $$
DECLARE
    v_flag neanelu.feature_flags;
BEGIN
    IF p_flag IS NULL OR p_flag !~ '^[a-z][a-z0-9_.]{0,99}$' THEN
        RAISE EXCEPTION '"%" is not the name of a flag', p_flag USING ERRCODE = 'NF001', HINT = 'Letters, digits, _ and ., beginning with a letter.';
    END IF;
    IF p_conditions IS NOT NULL THEN
        PERFORM flags._assert_conditions(p_conditions);
    END IF;
    INSERT INTO neanelu.feature_flags (flag_key) VALUES (p_flag) ON CONFLICT (flag_key) DO NOTHING;
    UPDATE neanelu.feature_flags AS f
       SET default_value = coalesce(p_default_value, f.default_value), is_active = coalesce(p_is_active, f.is_active),
           rollout_percentage = coalesce(p_rollout_percentage, f.rollout_percentage),
           allowed_shop_ids = coalesce(p_allowed_shop_ids, f.allowed_shop_ids), blocked_shop_ids = coalesce(p_blocked_shop_ids, f.blocked_shop_ids),
           conditions = coalesce(p_conditions, f.conditions), description = coalesce(p_description, f.description), updated_at = clock_timestamp()
     WHERE f.flag_key = p_flag
    RETURNING f.* INTO v_flag;
    RETURN v_flag;
END
$$;
COMMENT ON FUNCTION flags.set_flag(text, boolean, boolean, integer, uuid[], uuid[], jsonb, text) IS
    'Makes or changes a flag; what is NULL stays as it is, and a new flag is off, active, rolled out to nobody. Audited. Returns the flag. Idempotent. '
    'Locks: the flag''s row. Raises: NF001 no name of a flag, NF002 a condition that cannot be understood, 23514 a percentage outside of 0 to 100';

CREATE FUNCTION flags.delete_flag(p_flag text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    DELETE FROM neanelu.feature_flags AS f WHERE f.flag_key = p_flag;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no flag "%"', p_flag USING ERRCODE = 'NF003';
    END IF;
END
$$;
COMMENT ON FUNCTION flags.delete_flag(text) IS
    'Deletes a flag, which is then off everywhere. Audited. Locks: the flag''s row. Raises: NF003 there is none, also when it was deleted before';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA flags FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flags.is_enabled(text, uuid), flags.enabled_for(uuid) TO neanelu_platform, neanelu_tenant, neanelu_operator;
GRANT EXECUTE ON FUNCTION flags.explain(text, uuid) TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION
    flags.set_flag(text, boolean, boolean, integer, uuid[], uuid[], jsonb, text), flags.delete_flag(text)
    TO neanelu_operator;

COMMIT;
