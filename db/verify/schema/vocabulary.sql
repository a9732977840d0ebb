-- Verify neanelu:schema/vocabulary on pg

BEGIN;

SELECT 1 / (CASE WHEN count(DISTINCT w.locale) = 5 THEN 1 ELSE 0 END) FROM neanelu.prod_attr_words AS w;
SELECT 1 / (CASE WHEN count(DISTINCT w.kind) = 4 THEN 1 ELSE 0 END) FROM neanelu.prod_value_words AS w;
SELECT 1 / (count(*) / 20) FROM neanelu.prod_attr_kinds;
SELECT 1 / (count(*) / 5) FROM neanelu.prod_brand_aliases;

ROLLBACK;
