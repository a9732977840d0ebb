-- Deploy neanelu:functions/inventory/jobs to pg
-- requires: functions/inventory/retention
-- requires: functions/inventory/orders
-- requires: functions/jobs/schedule
-- The ledger's jobs: what a bulk run brought is taken, arrivals are folded should nobody else do it, old months go.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory._do_fold(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_folded constant integer := inventory.fold(50000);
BEGIN
    IF v_folded = 50000 THEN
        PERFORM jobs.enqueue('maintenance', 'inventory.fold', p_shop_id, p_payload, p_dedupe_key => 'inventory.fold');
    END IF;
    RETURN jsonb_build_object('folded', v_folded);
END
$$;
COMMENT ON FUNCTION inventory._do_fold(uuid, jsonb) IS
    'Handler of inventory.fold: one fold, and the job once more when that was not all. The worker''s own loop folds several times a second; this is for when none runs. '
    'Idempotent. Locks: as inventory.fold. Raises: nothing of its own';

CREATE FUNCTION inventory._do_run(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_run   bulk_runs;
    v_taken integer := 0;
    v_batch uuid[];
BEGIN
    SELECT r.* INTO v_run FROM bulk_runs AS r WHERE r.shop_id = p_shop_id AND r.id = (p_payload ->> 'run_id')::uuid AND r.status = 'completed';
    IF v_run.query_type = 'inventory' THEN
        v_taken := inventory.record_bulk(p_shop_id, v_run.id);
    ELSIF v_run.query_type = 'products' THEN
        v_taken := inventory.record_levels(p_shop_id, NULL, 'bulk_run', v_run.id::text);
    ELSIF v_run.query_type = 'orders' THEN
        FOR v_batch IN
            SELECT array_agg(n.id)
              FROM (SELECT o.id, row_number() OVER (ORDER BY o.id) / 1000 AS batch FROM shopify_orders AS o
                     WHERE o.shop_id = p_shop_id AND o.synced_at >= v_run.started_at) AS n
             GROUP BY n.batch ORDER BY n.batch
        LOOP
            v_taken := v_taken + inventory.record_orders(p_shop_id, v_batch);
        END LOOP;
    END IF;
    RETURN jsonb_build_object('resource', v_run.query_type, 'taken', v_taken);
END
$$;
COMMENT ON FUNCTION inventory._do_run(uuid, jsonb) IS
    'Handler of inventory.run: brings what a completed bulk run changed into the ledger: levels after inventory, levels that waited for their variants after products, sales '
    'after orders. Idempotent. Locks: as inventory.record_bulk and inventory.record_orders. Raises: NA002';

CREATE FUNCTION inventory._do_retention(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
    SELECT jsonb_build_object('months', count(*), 'entries', coalesce(sum(d.entries), 0))
      FROM inventory.drop_months(coalesce((p_payload ->> 'keep')::interval, '24 months')) AS d
$$;
COMMENT ON FUNCTION inventory._do_retention(uuid, jsonb) IS
    'Handler of inventory.retention: inventory.drop_months with the payload''s keep, 24 months without one. Idempotent. Locks: as that. Raises: NI008';

CREATE FUNCTION inventory.tg_bulk_runs__record()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM jobs.enqueue('bulk', 'inventory.run', NEW.shop_id, jsonb_build_object('run_id', NEW.id), p_dedupe_key => 'inventory.run:' || NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION inventory.tg_bulk_runs__record() IS
    'Asks for the job inventory.run in the transaction that completes a run of inventory, products or orders. Raises: NA002';
GRANT EXECUTE ON FUNCTION inventory.tg_bulk_runs__record() TO neanelu_owner;

SELECT jobs.register_handler('inventory.fold', 'maintenance', 'database', 'inventory._do_fold(uuid, jsonb)', 3, '5 minutes', '5 seconds');
SELECT jobs.register_handler('inventory.run', 'bulk', 'database', 'inventory._do_run(uuid, jsonb)', 8, '30 minutes', '10 seconds');
SELECT jobs.register_handler('inventory.retention', 'maintenance', 'database', 'inventory._do_retention(uuid, jsonb)', 5, '30 minutes', '5 minutes');

SELECT jobs.schedule('inventory.fold', '* * * * *', 'maintenance', 'inventory.fold', p_missed => 'skip');
SELECT jobs.schedule('inventory.retention', '50 2 * * *', 'maintenance', 'inventory.retention');

SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_bulk_runs__record
    AFTER UPDATE OF status ON neanelu.bulk_runs
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.query_type IN ('inventory', 'products', 'orders'))
    EXECUTE FUNCTION inventory.tg_bulk_runs__record();

COMMIT;
