-- Revert neanelu:functions/analytics/figures from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION analytics.visible_shops();
DROP VIEW analytics._order_figures;
DROP FUNCTION analytics._threshold(jsonb);
DROP FUNCTION analytics._lines(jsonb);
DROP FUNCTION analytics._sum(jsonb, text);
DROP FUNCTION analytics._list(jsonb);
DROP FUNCTION analytics._units(text);
DROP FUNCTION analytics._amount(text);

COMMIT;
