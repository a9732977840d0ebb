-- Deploy neanelu:functions/ai/budgets to pg
-- requires: functions/ai/costs
-- What may be spent in a month, and what of it is put aside for work under way.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, ai, extensions, pg_temp;

CREATE FUNCTION ai.set_budget(p_provider text, p_monthly_limit numeric)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF p_monthly_limit IS NULL OR NOT p_monthly_limit BETWEEN 0 AND 99999999 OR coalesce(p_provider, '') !~ '^[a-z][a-z0-9_.-]{0,19}$' THEN
        RAISE EXCEPTION 'no budget: % for provider "%"', p_monthly_limit, p_provider
            USING ERRCODE = 'NT007', HINT = 'USD a month, 0 or more; a name of up to 20 small letters, digits, _ . -';
    END IF;
    INSERT INTO neanelu.ai_budgets AS b (provider, monthly_limit) VALUES (p_provider, p_monthly_limit)
    ON CONFLICT (provider) DO UPDATE SET monthly_limit = excluded.monthly_limit, updated_at = now() WHERE b.monthly_limit <> excluded.monthly_limit;
    -- What waited for a larger budget is looked at again.
    UPDATE neanelu.ai_batch_runs AS r SET next_step_at = now()
     WHERE r.provider = p_provider AND r.next_step_at > now() AND r.last_error LIKE 'NT002%';
END
$$;
COMMENT ON FUNCTION ai.set_budget(text, numeric) IS
    'Sets what may be spent at a provider in a month, USD. Counts at once; what waited for it goes on. Idempotent. Locks: the budget''s row, waiting batches. '
    'Raises: NT007 no amount, or no name';

CREATE FUNCTION ai.budget_status(p_provider text DEFAULT NULL)
RETURNS TABLE (provider text, month date, monthly_limit numeric, spent numeric, reserved numeric, remaining numeric)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT p.provider::text, date_trunc('month', now() AT TIME ZONE 'UTC')::date, coalesce(b.monthly_limit, 0), coalesce(s.spent, 0), coalesce(s.reserved, 0),
           greatest(coalesce(b.monthly_limit, 0) - coalesce(s.spent, 0) - coalesce(s.reserved, 0), 0)
      FROM (SELECT m.provider FROM neanelu.ai_models AS m UNION SELECT x.provider FROM neanelu.ai_budgets AS x) AS p
      LEFT JOIN neanelu.ai_budgets AS b ON b.provider = p.provider
      LEFT JOIN neanelu.ai_spending AS s
             ON s.provider = p.provider AND s.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
     WHERE p_provider IS NULL OR p.provider = p_provider
     ORDER BY p.provider
$$;
COMMENT ON FUNCTION ai.budget_status(text) IS
    'This month''s budget (UTC) of each provider: limit, spent, reserved for work under way, remaining; USD. Reads only. Raises: nothing';

CREATE FUNCTION ai.reserve_budget(p_provider text, p_cost numeric, p_purpose text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_month constant date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    v_limit numeric;
    v_month_row ai_spending;
    v_id    uuid;
BEGIN
    IF p_cost IS NULL OR p_cost < 0 OR p_provider IS NULL THEN
        RAISE EXCEPTION 'no cost to reserve: %', p_cost USING ERRCODE = 'NT007';
    END IF;
    INSERT INTO neanelu.ai_spending (provider, month) VALUES (p_provider, v_month) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT v_month_row FROM neanelu.ai_spending AS s WHERE s.provider = p_provider AND s.month = v_month FOR UPDATE;
    v_limit := coalesce((SELECT b.monthly_limit FROM neanelu.ai_budgets AS b WHERE b.provider = p_provider), 0);
    IF v_month_row.spent + v_month_row.reserved + p_cost > v_limit AND p_cost > 0 THEN
        RAISE EXCEPTION 'the month''s budget of % does not suffice: % USD, % spent, % reserved, % wanted', p_provider, v_limit,
                        round(v_month_row.spent, 4), round(v_month_row.reserved, 4), round(p_cost, 4)
            USING ERRCODE = 'NT002', HINT = format('neanelu ai budget set %s USD', p_provider);
    END IF;
    INSERT INTO neanelu.ai_reservations (provider, month, amount, purpose) VALUES (p_provider, v_month, p_cost, p_purpose) RETURNING id INTO v_id;
    UPDATE neanelu.ai_spending AS s SET reserved = s.reserved + p_cost WHERE s.provider = p_provider AND s.month = v_month;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION ai.reserve_budget(text, numeric, text) IS
    'Puts aside what something can cost at most (USD) before it is asked, and returns the reservation for ai.settle_budget. A provider without a budget may cost nothing. '
    'Not idempotent. Locks: the month''s row, so that two cannot take the same money. Raises: NT002 the budget does not suffice, NT007 no cost';

CREATE FUNCTION ai.settle_budget(p_reservation_id uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_reservation ai_reservations;
BEGIN
    UPDATE neanelu.ai_reservations AS r SET settled_at = now()
     WHERE r.id = p_reservation_id AND r.settled_at IS NULL
    RETURNING * INTO v_reservation;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE neanelu.ai_spending AS s SET reserved = s.reserved - v_reservation.amount
     WHERE s.provider = v_reservation.provider AND s.month = v_reservation.month;
    RETURN true;
END
$$;
COMMENT ON FUNCTION ai.settle_budget(uuid) IS
    'Gives a reservation back, in the transaction in which ai.log_usage records what it came to. Returns whether it was open. Idempotent. Locks: its row, the month''s row. '
    'Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ai FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ai.set_budget(text, numeric) TO neanelu_operator;
GRANT EXECUTE ON FUNCTION ai.budget_status(text) TO neanelu_operator, neanelu_pim_editor, neanelu_ai;
GRANT EXECUTE ON FUNCTION ai.reserve_budget(text, numeric, text), ai.settle_budget(uuid) TO neanelu_ai, neanelu_worker;

COMMIT;
