-- Deploy neanelu:functions/flags/config to pg
-- requires: functions/flags/flags
-- requires: functions/ops/keys
-- Settings of the platform that outlive a restart. Sensitive ones arrive sealed, are shown as ***, and are opened by
-- daemons that have the key.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, flags, extensions, pg_temp;

CREATE FUNCTION flags.config(p_key text, p_default jsonb DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT CASE WHEN c.is_sensitive THEN '"***"' ELSE c.value END FROM neanelu.system_config AS c WHERE c.key = p_key), p_default)
$$;
COMMENT ON FUNCTION flags.config(text, jsonb) IS
    'A setting of the platform, or the default where it is not set; a sensitive one is "***". Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION flags.sealed_config(p_key text)
RETURNS bytea
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_sealed bytea;
BEGIN
    SELECT decode(c.value ->> 'sealed', 'base64') INTO v_sealed FROM neanelu.system_config AS c WHERE c.key = p_key AND c.is_sensitive;
    IF v_sealed IS NULL THEN
        RAISE EXCEPTION 'there is no sensitive setting "%"', p_key USING ERRCODE = 'NF003';
    END IF;
    RETURN v_sealed;
END
$$;
COMMENT ON FUNCTION flags.sealed_config(text) IS
    'A sensitive setting as it is stored, sealed and in one piece, for a daemon with the key. Reads only, takes no locks. Raises: NF003 there is none';

CREATE FUNCTION flags.list_config()
RETURNS TABLE (key text, value jsonb, description text, is_sensitive boolean, updated_at timestamptz)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT c.key::text, CASE WHEN c.is_sensitive THEN '"***"' ELSE c.value END, c.description, c.is_sensitive, c.updated_at
      FROM neanelu.system_config AS c ORDER BY c.key
$$;
COMMENT ON FUNCTION flags.list_config() IS
    'All settings of the platform that are set, sensitive values as "***". Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION flags.set_config(p_key text, p_value jsonb, p_is_sensitive boolean DEFAULT NULL, p_description text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_was boolean;
    v_is  boolean;
BEGIN
    IF p_key IS NULL OR p_key !~ '^[a-z][a-z0-9_.]{0,99}$' OR p_value IS NULL THEN
        RAISE EXCEPTION '"%" is not the name of a setting, or it has no value', p_key
            USING ERRCODE = 'NF001', HINT = 'Letters, digits, _ and ., beginning with a letter.';
    END IF;
    SELECT c.is_sensitive INTO v_was FROM neanelu.system_config AS c WHERE c.key = p_key FOR UPDATE;
    v_is := coalesce(p_is_sensitive, v_was, false);
    IF v_is <> (jsonb_typeof(p_value) = 'object' AND coalesce(p_value ->> 'sealed', '') ~ '^[A-Za-z0-9+/]{43,}={0,2}$') THEN
        RAISE EXCEPTION 'setting % is %, and the value is %', p_key, CASE WHEN v_is THEN 'sensitive' ELSE 'not sensitive' END,
                        CASE WHEN v_is THEN 'not sealed' ELSE 'sealed' END
            USING ERRCODE = 'NF004', HINT = 'neanelu config set --sensitive seals it before it leaves; --no-sensitive says that it may be seen.';
    END IF;
    INSERT INTO neanelu.system_config AS c (key, value, is_sensitive, description) VALUES (p_key, p_value, v_is, p_description)
    ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, is_sensitive = excluded.is_sensitive, description = coalesce(excluded.description, c.description),
           updated_at = clock_timestamp()
     WHERE (c.value, c.is_sensitive, c.description) IS DISTINCT FROM
           (excluded.value, excluded.is_sensitive, coalesce(excluded.description, c.description));
END
$$;
COMMENT ON FUNCTION flags.set_config(text, jsonb, boolean, text) IS
    'Sets a setting of the platform. p_is_sensitive NULL: as it was, and not sensitive when it is new. A sensitive value comes sealed: {"sealed": base64}. '
    'Audited, without the value where it is sensitive. Idempotent. Locks: the setting''s row. '
    'Raises: NF001 no name or no value, NF004 sensitive and not sealed or the reverse, NK012 sealed with a key that was replaced';

CREATE FUNCTION flags.delete_config(p_key text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    DELETE FROM neanelu.system_config AS c WHERE c.key = p_key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no setting "%"', p_key USING ERRCODE = 'NF003';
    END IF;
END
$$;
COMMENT ON FUNCTION flags.delete_config(text) IS
    'Forgets a setting, so that its default counts again. Audited. Locks: the setting''s row. Raises: NF003 there is none, also when it was forgotten before';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA flags FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flags.config(text, jsonb) TO neanelu_platform, neanelu_operator;
GRANT EXECUTE ON FUNCTION flags.sealed_config(text) TO neanelu_sync, neanelu_worker, neanelu_webhooks;
GRANT EXECUTE ON FUNCTION flags.list_config(), flags.set_config(text, jsonb, boolean, text), flags.delete_config(text) TO neanelu_operator;

COMMIT;
