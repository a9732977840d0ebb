-- Revert neanelu:schema/menus from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.shopify_menu_items;
DROP TABLE neanelu.shopify_menus;

COMMIT;
