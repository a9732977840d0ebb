-- Deploy neanelu:functions/harvest/tasks to pg
-- requires: functions/harvest/queue
-- requires: functions/harvest/imports
-- requires: functions/harvest/shops
-- requires: functions/jobs/schedule
-- Chores of harvesting: products of shops, pages that are due again, old accounts.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, jobs, app, extensions, pg_temp;

CREATE FUNCTION harvest._do_shop(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, jobs, pg_temp
AS $$
DECLARE
    v_stored constant integer := harvest.take_shop_products(p_shop_id);
BEGIN
    IF v_stored = 10000 THEN
        PERFORM jobs.enqueue('maintenance', 'harvest.shop', p_shop_id, p_payload, p_dedupe_key => 'harvest.shop');
    END IF;
    RETURN jsonb_build_object('stored', v_stored);
END
$$;
COMMENT ON FUNCTION harvest._do_shop(uuid, jsonb) IS
    'Handler of harvest.shop: harvest.take_shop_products of the job''s shop, and once more when that was not all. Raises: as that';

CREATE FUNCTION harvest._do_shops(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
    SELECT jsonb_build_object('shops', count(jobs.enqueue('maintenance', 'harvest.shop', s.id, p_dedupe_key => 'harvest.shop')))
      FROM neanelu.shops AS s WHERE s.uninstalled_at IS NULL
$$;
COMMENT ON FUNCTION harvest._do_shops(uuid, jsonb) IS
    'Handler of harvest.shops: asks for harvest.shop of every installed shop, once while one waits. Idempotent. Locks: none of its own. Raises: nothing of its own';

CREATE FUNCTION harvest._do_chores(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
    SELECT jsonb_build_object('queued_again', harvest.refresh_pages(), 'released', harvest._release_expired(), 'imports_forgotten', harvest.purge())
$$;
COMMENT ON FUNCTION harvest._do_chores(uuid, jsonb) IS
    'Handler of harvest.chores: pages that are due again are queued, leases that ran out end, old imports are forgotten. Idempotent. Raises: nothing of its own';

SELECT jobs.register_handler('harvest.shop', 'maintenance', 'database', 'harvest._do_shop(uuid, jsonb)', 5, '1 hour', '1 minute', '{NG003,NG006}');
SELECT jobs.register_handler('harvest.shops', 'maintenance', 'database', 'harvest._do_shops(uuid, jsonb)', 3, '1 minute', '10 seconds');
SELECT jobs.register_handler('harvest.chores', 'maintenance', 'database', 'harvest._do_chores(uuid, jsonb)', 3, '10 minutes', '1 minute');

SELECT jobs.schedule('harvest.shops', '10 * * * *', 'maintenance', 'harvest.shops');
SELECT jobs.schedule('harvest.chores', '25 * * * *', 'maintenance', 'harvest.chores');

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;

COMMIT;
