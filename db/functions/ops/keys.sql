-- Deploy neanelu:functions/ops/keys to pg
-- requires: functions/ops/partitions
-- requires: policies/tokens
-- requires: functions/shops/tokens
-- Sealed values and the keys they are sealed with. The keys are never here: a command opens and seals again, these
-- functions say what is to be done, take it back if nothing changed meanwhile, and know when nothing needs the old key.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ops, extensions, pg_temp;

-- The registry of sealed places. A new one is added here, in ops.reseal and in the triggers below; a test finds columns that are not.
CREATE FUNCTION ops._sealed_values()
RETURNS TABLE (place text, shop_id uuid, row_key text, key_version integer, packed bytea)
LANGUAGE sql
STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT 'shops.access_token_ciphertext', s.id, s.id::text, s.key_version,
           s.key_version::bytea || s.access_token_iv || s.access_token_tag || s.access_token_ciphertext
      FROM neanelu.shops AS s WHERE s.access_token_ciphertext IS NOT NULL
    UNION ALL
    SELECT 'shops.webhook_secret', s.id, s.id::text, substring(s.webhook_secret FROM 1 FOR 4)::integer, s.webhook_secret
      FROM neanelu.shops AS s WHERE s.webhook_secret IS NOT NULL
    UNION ALL
    SELECT 'shop_tokens.refresh_token', t.shop_id, t.shop_id::text, substring(t.refresh_token FROM 1 FOR 4)::integer, t.refresh_token
      FROM neanelu.shop_tokens AS t
    UNION ALL
    SELECT 'system_config.value', '00000000-0000-0000-0000-000000000000', c.key, substring(v.packed FROM 1 FOR 4)::integer, v.packed
      FROM neanelu.system_config AS c
     CROSS JOIN LATERAL (SELECT decode(c.value ->> 'sealed', 'base64')) AS v (packed)
     WHERE c.is_sensitive
$$;
COMMENT ON FUNCTION ops._sealed_values() IS
    'Every sealed value there is: its place (table.column), shop (zeros for the platform''s own), row, key version, and itself in one piece: version in '
    '4 bytes, IV in 12, tag in 16, ciphertext. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION ops.key_usage()
RETURNS TABLE (key_version integer, place text, sealed_values bigint)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, ops, pg_temp
AS $$
    SELECT v.key_version, v.place, count(*) FROM ops._sealed_values() AS v GROUP BY v.key_version, v.place ORDER BY v.key_version, v.place
$$;
COMMENT ON FUNCTION ops.key_usage() IS
    'How many values are sealed with which version of the key, by place. A version that is not in the answer is not needed. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION ops.begin_key_rotation(p_key_version integer)
RETURNS TABLE (rotation_id uuid, key_version_old integer, remaining bigint, is_resumed boolean)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, ops, pg_temp
AS $$
DECLARE
    v_open   neanelu.key_rotations;
    v_newest integer;
    v_old    integer;
    v_left   bigint;
BEGIN
    -- One at a time: the second waits here and then finds the first one's row.
    LOCK TABLE neanelu.key_rotations IN SHARE ROW EXCLUSIVE MODE;
    SELECT r.* INTO v_open FROM neanelu.key_rotations AS r WHERE r.status = 'in_progress';
    SELECT max(v.key_version), max(v.key_version) FILTER (WHERE v.key_version < p_key_version), count(*) FILTER (WHERE v.key_version < p_key_version)
      INTO v_newest, v_old, v_left FROM ops._sealed_values() AS v;
    IF v_open.key_version_new <> p_key_version THEN
        RAISE EXCEPTION 'a rotation to key % is in progress', v_open.key_version_new
            USING ERRCODE = 'NK011', HINT = 'Finish it with neanelu keys rotate, or give it up with neanelu keys rotate --abandon.';
    ELSIF v_newest > p_key_version OR p_key_version < 2 OR p_key_version IS NULL THEN
        RAISE EXCEPTION 'there is nothing to rotate to key %: values are sealed with key %', p_key_version, v_newest
            USING ERRCODE = 'NK013', HINT = 'Rotation goes to a newer key. Make one with: neanelu keys generate.';
    END IF;
    IF v_open.id IS NULL THEN
        INSERT INTO neanelu.key_rotations AS r (key_version_old, key_version_new)
        VALUES (coalesce(v_old, p_key_version - 1), p_key_version)
        RETURNING r.id, r.key_version_old INTO v_open.id, v_old;
        RETURN QUERY SELECT v_open.id, v_old, v_left, false;
    ELSE
        RETURN QUERY SELECT v_open.id, v_open.key_version_old::integer, v_left, true;
    END IF;
END
$$;
COMMENT ON FUNCTION ops.begin_key_rotation(integer) IS
    'Begins a rotation to this version of the key, or goes on with the one that is in progress. From its commit on, values sealed with an older key are '
    'refused (NK012). remaining counts what is still sealed with older ones. Idempotent. Locks: key_rotations, against other changes of it. '
    'Raises: NK011 a rotation to another key is in progress, NK013 not newer than what is in use';

CREATE FUNCTION ops.sealed_batch(p_rotation_id uuid, p_limit integer, p_after_place text DEFAULT '', p_after_row text DEFAULT '')
RETURNS TABLE (place text, shop_id uuid, row_key text, packed bytea)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, ops, pg_temp
AS $$
DECLARE
    v_new constant integer := (SELECT r.key_version_new FROM neanelu.key_rotations AS r WHERE r.id = p_rotation_id AND r.status = 'in_progress');
BEGIN
    IF v_new IS NULL THEN
        RAISE EXCEPTION 'rotation % is not in progress', p_rotation_id USING ERRCODE = 'NK014';
    END IF;
    RETURN QUERY
    SELECT v.place, v.shop_id, v.row_key, v.packed
      FROM ops._sealed_values() AS v
     WHERE v.key_version < v_new AND (v.place COLLATE "C", v.row_key COLLATE "C") > (p_after_place COLLATE "C", p_after_row COLLATE "C")
     ORDER BY v.place COLLATE "C", v.row_key COLLATE "C"
     LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION ops.sealed_batch(uuid, integer, text, text) IS
    'The next values that a rotation has to seal again, behind a place and row, in their order. Reads only, takes no locks. '
    'Raises: NK014 the rotation is not in progress';

CREATE FUNCTION ops.reseal(
    p_rotation_id uuid, p_places text[], p_shop_ids uuid[], p_row_keys text[], p_old bytea[], p_new bytea[])
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, ops, pg_temp
AS $$
DECLARE
    v_done integer;
BEGIN
    PERFORM FROM neanelu.key_rotations AS r WHERE r.id = p_rotation_id AND r.status = 'in_progress' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'rotation % is not in progress', p_rotation_id USING ERRCODE = 'NK014';
    END IF;
    WITH item AS MATERIALIZED (
        SELECT u.* FROM unnest(p_places, p_shop_ids, p_row_keys, p_old, p_new) AS u (place, shop_id, row_key, old, new)
    ), token AS (
        UPDATE neanelu.shops AS s
           SET key_version = substring(i.new FROM 1 FOR 4)::integer, access_token_iv = substring(i.new FROM 5 FOR 12),
               access_token_tag = substring(i.new FROM 17 FOR 16), access_token_ciphertext = substring(i.new FROM 33)
          FROM item AS i
         WHERE i.place = 'shops.access_token_ciphertext' AND s.id = i.shop_id
           AND s.key_version::bytea || s.access_token_iv || s.access_token_tag || s.access_token_ciphertext = i.old
        RETURNING 1
    ), refresh AS (
        UPDATE neanelu.shop_tokens AS t SET refresh_token = i.new
          FROM item AS i WHERE i.place = 'shop_tokens.refresh_token' AND t.shop_id = i.shop_id AND t.refresh_token = i.old
        RETURNING 1
    ), setting AS (
        UPDATE neanelu.system_config AS c SET value = jsonb_build_object('sealed', translate(encode(i.new, 'base64'), E'\n', ''))
          FROM item AS i
         WHERE i.place = 'system_config.value' AND c.key = i.row_key AND c.is_sensitive AND decode(c.value ->> 'sealed', 'base64') = i.old
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM token) + (SELECT count(*) FROM refresh) + (SELECT count(*) FROM setting) INTO v_done;
    -- On its own: one statement cannot change a row of shops twice.
    WITH secret AS (
        UPDATE neanelu.shops AS s SET webhook_secret = i.new
          FROM unnest(p_places, p_shop_ids, p_old, p_new) AS i (place, shop_id, old, new)
         WHERE i.place = 'shops.webhook_secret' AND s.id = i.shop_id AND s.webhook_secret = i.old
        RETURNING 1
    )
    SELECT v_done + count(*) INTO v_done FROM secret;
    UPDATE neanelu.key_rotations AS r SET records_updated = r.records_updated + v_done WHERE r.id = p_rotation_id AND v_done > 0;
    RETURN v_done;
END
$$;
COMMENT ON FUNCTION ops.reseal(uuid, text[], uuid[], text[], bytea[], bytea[]) IS
    'Puts values that were sealed again in the place of the ones they came from; one that changed meanwhile stays as it is, since whoever changed it used '
    'the new key. Counts them in the rotation, in the same transaction. Returns how many. Idempotent. Locks: the rotation''s row, then the rows it changes. '
    'Raises: NK012 sealed with a key that was replaced, NK014 the rotation is not in progress';

CREATE FUNCTION ops.finish_key_rotation(p_rotation_id uuid)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, ops, pg_temp
AS $$
DECLARE
    v_new  integer;
    v_left bigint;
BEGIN
    -- Waits for writers who looked for rotations before this one began.
    LOCK TABLE neanelu.shops, neanelu.shop_tokens, neanelu.system_config IN SHARE MODE;
    SELECT r.key_version_new INTO v_new FROM neanelu.key_rotations AS r WHERE r.id = p_rotation_id AND r.status = 'in_progress' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM neanelu.key_rotations AS r WHERE r.id = p_rotation_id AND r.status = 'completed') THEN
            RETURN 0;
        END IF;
        RAISE EXCEPTION 'rotation % is not in progress', p_rotation_id USING ERRCODE = 'NK014';
    END IF;
    SELECT count(*) INTO v_left FROM ops._sealed_values() AS v WHERE v.key_version < v_new;
    IF v_left = 0 THEN
        UPDATE neanelu.key_rotations AS r SET status = 'completed', completed_at = clock_timestamp() WHERE r.id = p_rotation_id;
    END IF;
    RETURN v_left;
END
$$;
COMMENT ON FUNCTION ops.finish_key_rotation(uuid) IS
    'Completes a rotation when nothing is sealed with an older key, and returns how many values still are; while there are some, nothing happens. '
    'Idempotent. Locks: shops, shop_tokens and system_config against writers, for as long as counting takes. Raises: NK014 the rotation is not in progress';

CREATE FUNCTION ops.abandon_key_rotation(p_reason text)
RETURNS uuid
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.key_rotations AS r
       SET status = 'failed', completed_at = clock_timestamp(), error_message = coalesce(nullif(p_reason, ''), 'abandoned')
     WHERE r.status = 'in_progress'
    RETURNING r.id
$$;
COMMENT ON FUNCTION ops.abandon_key_rotation(text) IS
    'Gives up the rotation in progress: what was sealed again stays, older keys seal again, both keys are needed. Returns its id, NULL when there is none. '
    'Idempotent. Locks: the rotation''s row. Raises: nothing';

CREATE FUNCTION ops._assert_key_version(p_table text, p_version integer)
RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_least constant integer := (SELECT max(r.key_version_new) FROM neanelu.key_rotations AS r WHERE r.status IN ('in_progress', 'completed'));
BEGIN
    IF p_version < v_least THEN
        RAISE EXCEPTION 'a secret of % is sealed with key %, which key % has replaced', p_table, p_version, v_least
            USING ERRCODE = 'NK012', HINT = 'Give this program the new key, and start it again where the key comes from its environment.';
    END IF;
END
$$;
COMMENT ON FUNCTION ops._assert_key_version(text, integer) IS
    'Refuses values that are sealed with a key older than the newest rotation''s; NULL passes. Reads only, takes no locks. Raises: NK012';

CREATE FUNCTION ops.tg_shops__key_version()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Each of the two secrets, where it is there and new.
    IF NEW.access_token_ciphertext IS NOT NULL
       AND (TG_OP = 'INSERT' OR NEW.access_token_ciphertext IS DISTINCT FROM OLD.access_token_ciphertext) THEN
        PERFORM ops._assert_key_version('shops', NEW.key_version);
    END IF;
    IF TG_OP = 'INSERT' OR NEW.webhook_secret IS DISTINCT FROM OLD.webhook_secret THEN
        PERFORM ops._assert_key_version('shops', substring(NEW.webhook_secret FROM 1 FOR 4)::integer);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ops.tg_shops__key_version() IS
    'Refuses tokens and webhook secrets that are sealed with a replaced key. Reads key_rotations, takes no locks. Raises: NK012';

CREATE FUNCTION ops.tg_shop_tokens__key_version()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ops._assert_key_version('shop_tokens', substring(NEW.refresh_token FROM 1 FOR 4)::integer);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ops.tg_shop_tokens__key_version() IS
    'Refuses refresh tokens that are sealed with a replaced key. Reads key_rotations, takes no locks. Raises: NK012';

CREATE FUNCTION ops.tg_system_config__key_version()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.is_sensitive THEN
        PERFORM ops._assert_key_version('system_config', substring(decode(NEW.value ->> 'sealed', 'base64') FROM 1 FOR 4)::integer);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ops.tg_system_config__key_version() IS
    'Refuses sensitive settings that are sealed with a replaced key. Reads key_rotations, takes no locks. Raises: NK012, 22023 for what is no base64';

GRANT EXECUTE ON FUNCTION
    ops._assert_key_version(text, integer), ops.tg_shops__key_version(), ops.tg_shop_tokens__key_version(), ops.tg_system_config__key_version()
    TO neanelu_owner;
GRANT EXECUTE ON FUNCTION
    ops.key_usage(), ops.begin_key_rotation(integer), ops.sealed_batch(uuid, integer, text, text),
    ops.reseal(uuid, text[], uuid[], text[], bytea[], bytea[]), ops.finish_key_rotation(uuid), ops.abandon_key_rotation(text)
    TO neanelu_operator;

SET LOCAL ROLE neanelu_owner;

CREATE TRIGGER tg_shops__key_version BEFORE INSERT OR UPDATE OF access_token_ciphertext, webhook_secret, key_version ON neanelu.shops
    FOR EACH ROW EXECUTE FUNCTION ops.tg_shops__key_version();
CREATE TRIGGER tg_shop_tokens__key_version BEFORE INSERT OR UPDATE OF refresh_token ON neanelu.shop_tokens
    FOR EACH ROW EXECUTE FUNCTION ops.tg_shop_tokens__key_version();
CREATE TRIGGER tg_system_config__key_version BEFORE INSERT OR UPDATE OF value, is_sensitive ON neanelu.system_config
    FOR EACH ROW EXECUTE FUNCTION ops.tg_system_config__key_version();

COMMIT;
