-- Verify neanelu:functions/search/catalogue on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(p.oid::regprocedure::text, ', ') INTO v_bad
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'search'::regnamespace
       AND (p.proowner <> 'neanelu_engine'::regrole
            OR p.proconfig IS NULL
            OR p.prosecdef = starts_with(p.proname, '_')
            OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions of search with a wrong owner, open to PUBLIC, without search_path or definers where they should not be: %', v_bad;
    END IF;

    -- Who may, and who may not: tenants and the service that faces them, on what has no underscore.
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.may THEN ' not' END, p.oid::regprocedure), '; ') INTO v_bad
      FROM pg_catalog.pg_proc AS p
     CROSS JOIN LATERAL (SELECT x.rolname, x.rolname IN ('neanelu_tenant', 'neanelu_app') AND NOT starts_with(p.proname, '_') AS may
                           FROM pg_catalog.pg_roles AS x
                          WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                              'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE p.pronamespace = 'search'::regnamespace
       AND has_function_privilege(r.rolname, p.oid, 'EXECUTE') <> r.may;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on functions of search: %', v_bad;
    END IF;

    PERFORM 'search.products_by_metafield(jsonb, integer, uuid)'::regprocedure,
            'search.products_by_metafield(text, text, integer, uuid)'::regprocedure,
            'search.products_by_tag(text[], boolean, integer, uuid)'::regprocedure,
            'search.products(text, integer, uuid)'::regprocedure,
            'search.ranked_products(text, integer, integer)'::regprocedure;
END
$verify$;

ROLLBACK;
