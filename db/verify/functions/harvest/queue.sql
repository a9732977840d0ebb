-- Verify neanelu:functions/harvest/queue on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('harvest._belongs(text, text, text)', false, 'i', '{}'),
             ('harvest.enqueue_urls(uuid, text[], integer, integer, text, boolean)', true, 'v', '{neanelu_pim_editor,neanelu_operator}'),
             ('harvest._limits(jsonb)', false, 'i', '{}'),
             ('harvest._tokens(neanelu.harvest_buckets, jsonb, timestamptz)', false, 'i', '{}'),
             ('harvest._due_buckets()', false, 's', '{}'),
             ('harvest._make_buckets()', false, 'v', '{}'),
             ('harvest._current_run(uuid)', false, 'v', '{}'),
             ('harvest._take(uuid, uuid[], integer, text, interval)', false, 'v', '{}'),
             ('harvest._release_expired()', false, 'v', '{}'),
             ('harvest._claimed(uuid[])', false, 's', '{}'),
             ('harvest.claim_urls(text, integer, interval)', true, 'v', '{neanelu_harvester}'),
             ('harvest.outlook()', true, 's', '{neanelu_pim_editor,neanelu_operator,neanelu_harvester}'),
             ('harvest._end_lease(uuid, uuid)', false, 'v', '{}'),
             ('harvest._count_page(uuid, uuid, integer, integer, jsonb, boolean)', false, 'v', '{}'),
             ('harvest._store_page(uuid, text, jsonb, text, jsonb)', false, 'v', '{}'),
             ('harvest.complete_url(uuid, uuid, jsonb, text, jsonb, text[])', true, 'v', '{neanelu_harvester}'),
             ('harvest._pause(integer, numeric)', false, 'v', '{}'),
             ('harvest.fail_url(uuid, uuid, text, text, boolean, boolean, interval)', true, 'v', '{neanelu_harvester}'),
             ('harvest.release_url(uuid, uuid)', true, 'v', '{neanelu_harvester}'),
             ('harvest.note_crawl_delay(uuid, numeric)', true, 'v', '{neanelu_harvester}'),
             ('harvest.close_runs(integer)', true, 'v', '{neanelu_harvester}'),
             ('harvest.metrics()', true, 's', '{neanelu_pim_editor,neanelu_operator,neanelu_harvester}'),
             ('harvest.list_pages(uuid, text[], integer)', true, 's', '{neanelu_pim_editor,neanelu_operator}'),
             ('harvest.refresh_pages()', true, 'v', '{neanelu_worker,neanelu_operator}')
           ) AS f (signature, is_definer, volatility, callers)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.proowner <> 'neanelu_engine'::regrole
        OR p.prosecdef <> f.is_definer OR p.provolatile::text <> f.volatility
        OR (p.prosqlbody IS NULL AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=.*pg_temp')
        OR ARRAY(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
                   FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner ORDER BY 1 DESC) <> f.callers::text[];
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another kind, or executable by the wrong roles: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
