"""Tenants with logins of their own see their shop in every table, and nothing else by any way in.

The database is filled with the same rows for two shops; every table of the schema that has a shop is
looked at, the partitions directly as well, over real connections of real login roles.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from neanelu.platform.scratch import Database, Scratch

A = uuid.UUID("00000000-0000-7000-8000-0000000000a1")
B = uuid.UUID("00000000-0000-7000-8000-0000000000a2")
#: Roles are shared by all databases of a cluster, so names are this run's own.
SUFFIX = uuid.uuid4().hex[:8]
TENANT_A = f"test_tenant_a_{SUFFIX}"
TENANT_B = f"test_tenant_b_{SUFFIX}"
UNBOUND = f"test_tenant_unbound_{SUFFIX}"
STRANGER = f"test_stranger_{SUFFIX}"
LOGINS = (TENANT_A, TENANT_B, UNBOUND)

#: One row a shop for what tenants read; {shop} is the shop's id.
ROWS = """
INSERT INTO neanelu.staff_users (shop_id, email)
  VALUES ({shop}, 'someone@example.com');
INSERT INTO neanelu.app_sessions (id, shop_id, payload, expires_at)
  VALUES ({shop}::text, {shop}, '{{}}', now());
INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
  VALUES ({shop}, {shop}, 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
INSERT INTO neanelu.shopify_variants
    (id, shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
  VALUES ({shop}, {shop}, {shop}, 'gid://shopify/ProductVariant/1', 1, 'v', 1);
INSERT INTO neanelu.shopify_collections
    (id, shop_id, shopify_gid, legacy_resource_id, title, handle, collection_type)
  VALUES ({shop}, {shop}, 'gid://shopify/Collection/1', 1, 'c', 'c', 'MANUAL');
INSERT INTO neanelu.shopify_collection_products (shop_id, collection_id, product_id)
  VALUES ({shop}, {shop}, {shop});
INSERT INTO neanelu.shopify_customers (id, shop_id, shopify_gid, legacy_resource_id)
  VALUES ({shop}, {shop}, 'gid://shopify/Customer/1', 1);
INSERT INTO neanelu.shopify_orders
    (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items)
  VALUES ({shop}, 'gid://shopify/Order/1', 1, '#1', 1, 1, 'RON', '[]');
INSERT INTO neanelu.shopify_metaobjects (shop_id, shopify_gid, type, handle, fields)
  VALUES ({shop}, 'gid://shopify/Metaobject/1', 't', 'm', '{{}}');
INSERT INTO neanelu.shopify_media (media_id, shop_id, shopify_gid, media_type, status)
  VALUES ({shop}, {shop}, 'gid://shopify/MediaImage/1', 'IMAGE', 'READY');
INSERT INTO neanelu.shopify_product_media (shop_id, product_id, media_id)
  VALUES ({shop}, {shop}, {shop});
INSERT INTO neanelu.shopify_variant_media (shop_id, variant_id, media_id)
  VALUES ({shop}, {shop}, {shop});
INSERT INTO neanelu.shopify_publications (id, shop_id, shopify_gid, name)
  VALUES ({shop}, {shop}, 'gid://shopify/Publication/1', 'web');
INSERT INTO neanelu.shopify_resource_publications
    (shop_id, publication_id, resource_type, resource_id)
  VALUES ({shop}, {shop}, 'Product', {shop});
INSERT INTO neanelu.shopify_menus (id, shop_id, shopify_gid, title, handle)
  VALUES ({shop}, {shop}, 'gid://shopify/Menu/1', 'm', 'm');
INSERT INTO neanelu.shopify_menu_items (shop_id, menu_id, shopify_gid, title)
  VALUES ({shop}, {shop}, 'gid://shopify/MenuItem/1', 'i');
INSERT INTO neanelu.inventory_locations (id, shop_id, shopify_gid, name)
  VALUES ({shop}, {shop}, 'gid://shopify/Location/1', 'here');
INSERT INTO neanelu.inventory_levels
    (shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id, location_id)
  VALUES ({shop}, 'gid://shopify/InventoryLevel/1', 'gid://shopify/InventoryItem/1', 1, {shop});
INSERT INTO neanelu.inventory_arrivals (shop_id, variant_id, delta, reason)
  VALUES ({shop}, {shop}, 1, 'SYNC');
INSERT INTO neanelu.inventory_ledger (shop_id, variant_id, delta, reason, position)
  VALUES ({shop}, {shop}, 1, 'SYNC', 1);
INSERT INTO neanelu.inventory_balances (shop_id, variant_id, quantity, entries, last_updated_at)
  VALUES ({shop}, {shop}, 1, 1, now());
INSERT INTO neanelu.inventory_counts (shop_id, variant_id, location_id, as_of, available)
  VALUES ({shop}, {shop}, 'gid://shopify/Location/1', now(), 1);
INSERT INTO neanelu.shopify_webhooks (shop_id, shopify_gid, topic, address)
  VALUES ({shop}, 'gid://shopify/WebhookSubscription/1', 'orders/create', 'https://example.com');
INSERT INTO neanelu.webhook_events (shop_id, topic, payload)
  VALUES ({shop}, 'orders/create', '{{}}');
INSERT INTO neanelu.webhook_receipts (shop_id, idempotency_key, topic)
  VALUES ({shop}, 'k', 'orders/create');
INSERT INTO neanelu.bulk_runs (id, shop_id, operation_type, query_type)
  VALUES ({shop}, {shop}, 'PRODUCTS_EXPORT', 'products');
INSERT INTO neanelu.bulk_steps (bulk_run_id, shop_id, step_name)
  VALUES ({shop}, {shop}, 'start');
INSERT INTO neanelu.bulk_artifacts (bulk_run_id, shop_id, artifact_type, file_path)
  VALUES ({shop}, {shop}, 'jsonl', 'f');
INSERT INTO neanelu.bulk_errors (bulk_run_id, shop_id, error_type, error_code, error_message)
  VALUES ({shop}, {shop}, 'PARSE', 'x', 'y');
INSERT INTO neanelu.bulk_counts (shop_id, bulk_run_id, kind, lines)
  VALUES ({shop}, {shop}, 'Product', 0);
INSERT INTO neanelu.analytics_daily_shop (shop_id, date)
  VALUES ({shop}, '2026-01-01');
INSERT INTO neanelu.analytics_product_performance (shop_id, product_id, period_start, period_end, period_type)
  VALUES ({shop}, {shop}, '2026-01-01', '2026-01-01', 'daily');
INSERT INTO neanelu.analytics_rollups (shop_id, rolled_at, days, duration_ms, timezone, currency_code, today)
  VALUES ({shop}, now(), 1, 1, 'UTC', 'RON', '2026-01-01');
SET session_replication_role = replica; -- a checkpoint without the run that earned it
INSERT INTO neanelu.sync_checkpoints (shop_id, resource_type, last_sync_at)
  VALUES ({shop}, 'products', now());
RESET session_replication_role;
"""
#: Tables that tenants read, each of which must hold a row of both shops or the test proves nothing.
FILLED = [
    "analytics_daily_shop",
    "analytics_product_performance",
    "analytics_rollups",
    "audit_logs",
    "bulk_artifacts",
    "bulk_counts",
    "bulk_errors",
    "bulk_runs",
    "bulk_steps",
    "inventory_arrivals",
    "inventory_balances",
    "inventory_counts",
    "inventory_ledger",
    "inventory_levels",
    "inventory_locations",
    "shopify_collection_products",
    "shopify_collections",
    "shopify_customers",
    "shopify_media",
    "shopify_menu_items",
    "shopify_menus",
    "shopify_metaobjects",
    "shopify_orders",
    "shopify_product_media",
    "shopify_products",
    "shopify_publications",
    "shopify_resource_publications",
    "shopify_variant_media",
    "shopify_variants",
    "shopify_webhooks",
    "staff_users",
    "sync_checkpoints",
    "webhook_events",
]


@pytest.fixture(scope="module")
def shops_db(scratch: Scratch) -> Iterator[Database]:
    """A database with two shops, a tenant login for each, one that is bound to none, and a stranger."""
    database = scratch.create()
    with database.connect() as admin:
        for shop, domain in ((A, "a.myshopify.com"), (B, "b.myshopify.com")):
            admin.execute(
                "INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv,"
                " access_token_tag, scopes) VALUES (%s, %s, '\\x01', %s, %s, '{}')",
                (shop, domain, bytes(12), bytes(16)),
            )
            admin.execute(sql.SQL(ROWS).format(shop=sql.Literal(str(shop)) + sql.SQL("::uuid")))
        for login in LOGINS:
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN IN ROLE neanelu_tenant").format(sql.Identifier(login))
            )
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(STRANGER)))
    with database.connect("neanelu_operator") as operator:
        operator.execute("SELECT app.bind_tenant_login(%s, %s)", (TENANT_A, A))
        operator.execute("SELECT app.bind_tenant_login(%s, %s)", (TENANT_B, B))
    yield database
    scratch.drop(database)
    with psycopg.connect(scratch.cluster.dsn("postgres", "postgres"), autocommit=True) as admin:
        for login in (*LOGINS, STRANGER):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(login)))


def tables(db: Database, *, partitions: bool = False) -> list[str]:
    """Return all tables that have a shop, or all partitions."""
    with db.connect() as admin:
        return [
            row[0]
            for row in admin.execute(
                "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'neanelu'::regnamespace"
                " AND c.relkind IN ('r', 'p') AND c.relispartition = %s"
                " AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid"
                " AND a.attname = 'shop_id' AND NOT a.attisdropped) ORDER BY 1",
                (partitions,),
            )
        ]


def seen(connection: psycopg.Connection[Any], table: str) -> set[uuid.UUID | None] | None:
    """Return the shops whose rows a connection sees in a table; None when the table is closed to it."""
    try:
        with connection.transaction():
            rows = connection.execute(
                sql.SQL("SELECT DISTINCT shop_id FROM neanelu.{}").format(sql.Identifier(table))
            ).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return {row[0] for row in rows}


def test_each_tenant_sees_its_shop_in_every_table_and_no_other(shops_db: Database) -> None:
    for login, shop in ((TENANT_A, A), (TENANT_B, B)):
        with shops_db.connect(login) as tenant:
            answers = {table: seen(tenant, table) for table in tables(shops_db)}
        assert {table for table, shops in answers.items() if shops not in (None, set(), {shop})} == set()
        assert {table: answers[table] for table in FILLED} == {key: {shop} for key in FILLED}


def test_the_parameter_does_not_move_a_tenant(shops_db: Database) -> None:
    with shops_db.connect(TENANT_A) as tenant:
        tenant.execute(sql.SQL("SET app.current_shop_id = {}").format(str(B)))
        assert {seen(tenant, table) == {A} for table in FILLED} == {True}
        with pytest.raises(psycopg.Error) as refused:
            tenant.execute("SELECT app.set_context(%s)", (B,))
        assert refused.value.sqlstate == "NA001"
        assert seen(tenant, "shopify_products") == {A}


def test_a_tenant_without_a_binding_sees_nothing_whatever_it_says(shops_db: Database) -> None:
    with shops_db.connect(UNBOUND) as tenant:
        for value in (None, "", str(A), "nonsense"):
            if value is not None:
                tenant.execute(sql.SQL("SET app.current_shop_id = {}").format(value))
            assert {table: seen(tenant, table) for table in FILLED} == {key: set() for key in FILLED}


def test_partitions_are_closed_when_addressed_directly(shops_db: Database) -> None:
    partitions = tables(shops_db, partitions=True)
    assert len(partitions) > 10
    for login in (TENANT_A, "neanelu_app", "neanelu_sync", "neanelu_analyst", "neanelu_auditor"):
        with shops_db.connect(login) as connection:
            assert {table: seen(connection, table) for table in partitions} == dict.fromkeys(partitions)


@pytest.mark.parametrize(
    "role",
    [
        "postgres",
        "neanelu_owner",
        "neanelu_engine",
        "neanelu_platform",
        "neanelu_app",
        "neanelu_analyst",
        pytest.param(TENANT_B, id="another tenant"),
    ],
)
def test_a_tenant_cannot_become_somebody_else(shops_db: Database, role: str) -> None:
    with shops_db.connect(TENANT_A) as tenant:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        assert seen(tenant, "shopify_products") == {A}


def test_taking_the_groups_role_changes_nothing(shops_db: Database) -> None:
    with shops_db.connect(TENANT_A) as tenant:
        tenant.execute("SET ROLE neanelu_tenant")
        assert seen(tenant, "shopify_products") == {A}
        tenant.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute("SELECT count(*) FROM neanelu.shopify_products")


@pytest.mark.parametrize(
    "login",
    [
        pytest.param(TENANT_A, id="a tenant"),
        "neanelu_app",
        "neanelu_sync",
        "neanelu_webhooks",
        "neanelu_worker",
    ],
)
def test_no_table_can_be_written(shops_db: Database, login: str) -> None:
    with shops_db.connect(login) as connection:
        connection.execute(sql.SQL("SET app.current_shop_id = {}").format(str(A)))
        for table in (*tables(shops_db), *tables(shops_db, partitions=True), "shops", "system_config"):
            name = sql.Identifier(table)
            for statement in (
                "DELETE FROM neanelu.{}",
                "INSERT INTO neanelu.{} DEFAULT VALUES",
                "TRUNCATE neanelu.{}",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(name))


def test_a_functions_error_tells_nothing_of_another_shops_rows(shops_db: Database) -> None:
    """An expression that fails on a row must not run before the policy has let the row through."""
    with shops_db.connect(TENANT_A) as tenant:
        rows = tenant.execute(
            "SELECT count(*) FROM neanelu.shopify_products"
            " WHERE 1 / (CASE WHEN shop_id::text = %s THEN 0 ELSE 1 END) = 1",
            (str(B),),
        ).fetchone()
    assert rows == (1,)


def test_a_service_sees_the_shop_it_chose_for_one_transaction(shops_db: Database) -> None:
    with shops_db.connect("neanelu_app") as service:
        assert seen(service, "shopify_products") == set()
        for shop in (A, B):
            with service.transaction():
                service.execute("SELECT app.set_context(%s)", (shop,))
                assert {table: seen(service, table) for table in FILLED} == {key: {shop} for key in FILLED}
        assert seen(service, "shopify_products") == set()
        assert service.execute("SELECT current_setting('app.current_shop_id', true)").fetchone() == ("",)


def test_daemons_read_no_table_of_a_shop(shops_db: Database) -> None:
    for login in ("neanelu_sync", "neanelu_webhooks", "neanelu_worker"):
        with shops_db.connect(login) as daemon:
            daemon.execute(sql.SQL("SET app.current_shop_id = {}").format(str(A)))
            assert {table for table in tables(shops_db) if seen(daemon, table) is not None} == set()


def test_analysts_and_auditors_see_all_shops_and_only_their_tables(shops_db: Database) -> None:
    with shops_db.connect("neanelu_analyst") as analyst:
        open_tables = {table for table in tables(shops_db) if seen(analyst, table) is not None}
        assert seen(analyst, "shopify_products") == {A, B}
    assert {
        "shopify_customers",
        "staff_users",
        "audit_logs",
        "app_sessions",
        "webhook_events",
    } & open_tables == set()
    with shops_db.connect("neanelu_auditor") as auditor:
        assert {table for table in tables(shops_db) if seen(auditor, table) is not None} == {"audit_logs"}
        assert {A, B} <= (seen(auditor, "audit_logs") or set())


def test_a_stranger_is_not_even_connected(shops_db: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        shops_db.connect(STRANGER)


def test_references_between_shops_are_refused_and_a_shop_with_rows_stays(shops_db: Database) -> None:
    with shops_db.connect() as admin:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            admin.execute(
                "INSERT INTO neanelu.shopify_variants"
                " (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)"
                " VALUES (%s, %s, 'gid://shopify/ProductVariant/2', 2, 'v', 1)",
                (A, B),
            )
        with pytest.raises(psycopg.errors.RestrictViolation):
            admin.execute("DELETE FROM neanelu.shops WHERE id = %s", (A,))
