-- Verify neanelu:schema/units on pg

BEGIN;

-- One base unit a family at most of factor 1 and no shift, every unit with a name.
SELECT 1 / (count(*) / 100) FROM neanelu.prod_units;
SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 0 END) FROM neanelu.prod_units AS u
 WHERE NOT EXISTS (SELECT FROM neanelu.prod_unit_names AS n WHERE n.unit_code = u.code);
SELECT 1 / (CASE WHEN count(DISTINCT n.locale) = 6 THEN 1 ELSE 0 END) FROM neanelu.prod_unit_names AS n;

ROLLBACK;
