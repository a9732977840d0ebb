-- Deploy neanelu:functions/ai/costs to pg
-- requires: policies/models
-- What models cost, before and after they are asked.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

CREATE FUNCTION ai.estimate_tokens(p_text text)
RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN (octet_length(p_text) + 2) / 3;
COMMENT ON FUNCTION ai.estimate_tokens(text) IS
    'How many tokens a text has at most, about: one for three bytes of UTF-8, where four are usual in European languages. Pure. Raises: nothing';

CREATE FUNCTION ai.cost_of(p_provider text, p_model text, p_tokens_in bigint, p_tokens_out bigint, p_is_batch boolean DEFAULT false)
RETURNS numeric
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_model ai_models;
BEGIN
    SELECT * INTO v_model FROM neanelu.ai_models AS m WHERE m.provider = p_provider AND m.model = p_model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody knows what model % of % costs', p_model, p_provider
            USING ERRCODE = 'NT001', HINT = format('neanelu ai models set %s %s --input USD --output USD', p_provider, p_model);
    END IF;
    RETURN round((coalesce(p_tokens_in, 0) * CASE WHEN p_is_batch THEN v_model.batch_input_price ELSE v_model.input_price END
                  + coalesce(p_tokens_out, 0) * CASE WHEN p_is_batch THEN v_model.batch_output_price ELSE v_model.output_price END) / 1000000, 8);
END
$$;
COMMENT ON FUNCTION ai.cost_of(text, text, bigint, bigint, boolean) IS
    'What so many tokens of a model cost, USD; p_is_batch: in a batch. Reads only. Raises: NT001 the model is not known';

CREATE FUNCTION ai.log_usage(
    p_provider text, p_endpoint text, p_cost numeric, p_requests integer DEFAULT 1, p_tokens_in bigint DEFAULT NULL, p_tokens_out bigint DEFAULT NULL,
    p_http_status integer DEFAULT NULL, p_response_ms integer DEFAULT NULL, p_job_id text DEFAULT NULL, p_product_id uuid DEFAULT NULL,
    p_shop_id uuid DEFAULT NULL, p_error text DEFAULT NULL, p_metadata jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO neanelu.api_usage_log (
        api_provider, endpoint, request_count, tokens_input, tokens_output, estimated_cost, http_status, response_time_ms, job_id, product_id,
        shop_id, error_message, metadata)
    VALUES (p_provider, p_endpoint, p_requests, p_tokens_in, p_tokens_out, p_cost, p_http_status, p_response_ms, p_job_id, p_product_id,
            p_shop_id, left(p_error, 2000), coalesce(p_metadata, '{}') || jsonb_build_object('cost', coalesce(p_cost, 0)))
    RETURNING id INTO v_id;
    IF p_cost > 0 THEN
        INSERT INTO neanelu.ai_spending AS s (provider, month, spent)
        VALUES (p_provider, date_trunc('month', now() AT TIME ZONE 'UTC')::date, p_cost)
        ON CONFLICT (provider, month) DO UPDATE SET spent = s.spent + excluded.spent;
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION ai.log_usage(text, text, numeric, integer, bigint, bigint, integer, integer, text, uuid, uuid, text, jsonb) IS
    'Records calls of a service and what they cost (USD, also exact in metadata.cost), and counts it as spent in this month. Not idempotent: call it in the transaction that '
    'takes the answer. Locks: the month''s row. Raises: 23503, 23514 from the table''s constraints';

CREATE FUNCTION ai.usage(p_by text DEFAULT 'day', p_since timestamptz DEFAULT NULL, p_provider text DEFAULT NULL)
RETURNS TABLE (key text, requests bigint, tokens_in bigint, tokens_out bigint, cost numeric, errors bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF p_by IS NULL OR p_by NOT IN ('day', 'month', 'provider', 'endpoint', 'model', 'shop') THEN
        RAISE EXCEPTION 'usage is told by day, month, provider, endpoint, model or shop, not by %', p_by USING ERRCODE = 'NT006';
    END IF;
    RETURN QUERY
    SELECT CASE p_by WHEN 'day' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') WHEN 'month' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM')
                     WHEN 'provider' THEN u.api_provider WHEN 'endpoint' THEN u.endpoint WHEN 'model' THEN coalesce(u.metadata ->> 'model', '-')
                     ELSE coalesce(s.shopify_domain, '-') END::text AS k,
           sum(u.request_count)::bigint, coalesce(sum(u.tokens_input), 0)::bigint, coalesce(sum(u.tokens_output), 0)::bigint,
           coalesce(sum(coalesce((u.metadata ->> 'cost')::numeric, u.estimated_cost)), 0),
           count(*) FILTER (WHERE u.error_message IS NOT NULL OR u.http_status >= 400)
      FROM neanelu.api_usage_log AS u
      LEFT JOIN neanelu.shops AS s ON s.id = u.shop_id
     WHERE u.created_at >= coalesce(p_since, now() - interval '31 days') AND (p_provider IS NULL OR u.api_provider = p_provider)
     GROUP BY k
     ORDER BY k DESC;
END
$$;
COMMENT ON FUNCTION ai.usage(text, timestamptz, text) IS
    'What outside services cost since p_since (by default 31 days), added up by day, month, provider, endpoint, model or shop ("-": the PIM), the last first; cost in USD, exact. '
    'Reads only. Raises: NT006 another p_by';

CREATE FUNCTION ai.set_model(
    p_provider text, p_model text, p_kind text, p_input_price numeric, p_output_price numeric DEFAULT 0, p_batch_input_price numeric DEFAULT NULL,
    p_batch_output_price numeric DEFAULT NULL, p_max_input_tokens integer DEFAULT NULL, p_max_batch_requests integer DEFAULT NULL,
    p_is_active boolean DEFAULT true)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.ai_models AS m (
        provider, model, kind, input_price, output_price, batch_input_price, batch_output_price, max_input_tokens, max_batch_requests, is_active)
    VALUES (p_provider, p_model, p_kind, p_input_price, p_output_price, coalesce(p_batch_input_price, p_input_price),
            coalesce(p_batch_output_price, p_output_price), coalesce(p_max_input_tokens, CASE p_kind WHEN 'embedding' THEN 8192 ELSE 100000 END),
            coalesce(p_max_batch_requests, 50000), p_is_active)
    ON CONFLICT (provider, model) DO UPDATE
       SET kind = excluded.kind, input_price = excluded.input_price, output_price = excluded.output_price,
           batch_input_price = excluded.batch_input_price, batch_output_price = excluded.batch_output_price,
           max_input_tokens = coalesce(p_max_input_tokens, m.max_input_tokens),
           max_batch_requests = coalesce(p_max_batch_requests, m.max_batch_requests),
           max_batch_tokens = greatest(m.max_batch_tokens, 40000000), is_active = excluded.is_active, updated_at = now()
$$;
COMMENT ON FUNCTION ai.set_model(text, text, text, numeric, numeric, numeric, numeric, integer, integer, boolean) IS
    'Adds or changes a model: prices in USD for a million tokens (those of batches by default the same), limits; what batches were cut to by token_limit_exceeded is forgotten. '
    'Idempotent. Locks: the model''s row. Raises: 23514 from the table''s constraints';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ai.estimate_tokens(text) TO neanelu_ai, neanelu_operator, neanelu_worker;
GRANT EXECUTE ON FUNCTION ai.cost_of(text, text, bigint, bigint, boolean) TO neanelu_ai, neanelu_operator, neanelu_worker;
GRANT EXECUTE ON FUNCTION ai.log_usage(text, text, numeric, integer, bigint, bigint, integer, integer, text, uuid, uuid, text, jsonb)
    TO neanelu_ai, neanelu_worker;
GRANT EXECUTE ON FUNCTION ai.usage(text, timestamptz, text) TO neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION ai.set_model(text, text, text, numeric, numeric, numeric, numeric, integer, integer, boolean) TO neanelu_operator;

COMMIT;
