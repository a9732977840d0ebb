"""What tests of the stock ledger share: a shop with variants, locations and a way to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from neanelu.platform.scratch import Database

SHOP = UUID("00000000-0000-7000-8000-0000000000a1")
OTHER_SHOP = UUID("00000000-0000-7000-8000-0000000000a2")
PRODUCT = UUID("00000000-0000-7000-8000-0000000000b1")
HERE = "gid://shopify/Location/1"
THERE = "gid://shopify/Location/2"
VARIANTS = 2000

FILL = """
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}'
  FROM (VALUES ('{shop}', 'a.myshopify.com'), ('{other}', 'b.myshopify.com')) AS s (id, domain);
INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('{product}', '{shop}', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
INSERT INTO neanelu.shopify_variants
    (id, shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, price, inventory_item_id)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '{shop}', '{product}',
       'gid://shopify/ProductVariant/' || n, n, 'v', 'sku' || n, 1, 'gid://shopify/InventoryItem/' || n
  FROM generate_series(1, {variants}) AS n;
INSERT INTO neanelu.inventory_locations (id, shop_id, shopify_gid, name, is_primary)
VALUES ('00000000-0000-7000-8000-0000000000c1', '{shop}', '{here}', 'here', true),
       ('00000000-0000-7000-8000-0000000000c2', '{shop}', '{there}', 'there', false);
"""


def variant(number: int) -> UUID:
    """Return the id of a variant: number N has SKU skuN and the inventory item N."""
    return UUID(f"00000000-0000-7000-8000-{number:012x}")


class Ledger:
    """The ledger of a database with one filled shop; `number` in calls is the variant's."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], *, fill: bool = True) -> None:
        self.connect = connect
        self.connection = connect()
        if fill:
            self.connection.execute(
                FILL.format(shop=SHOP, other=OTHER_SHOP, product=PRODUCT, here=HERE, there=THERE, variants=VARIANTS)
            )  # fmt: skip
            self.connection.execute("VACUUM ANALYZE neanelu.shopify_variants")
            # What the platform asks for by itself would be in the way of what is counted.
            self.connection.execute("UPDATE neanelu.scheduled_tasks SET is_active = false")

    @classmethod
    def of(cls, database: Database) -> Ledger:
        """Fill a database."""
        return cls(database.connect)

    def value(self, statement: str, *values: Any) -> Any:
        """Return the first value that a statement answers."""
        row = self.connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement answers."""
        return self.connection.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def record(
        self, number: int, delta: int, reason: str = "ADJUSTMENT", *more: Any, place: str = HERE
    ) -> bool:
        """Record a change; `more` is reference type, reference id, recorded_at."""
        marks = "".join(", %s" for _ in more)
        return bool(
            self.value(
                f"SELECT inventory.record(%s, %s, %s, %s, %s{marks})",
                SHOP, variant(number), place, delta, reason, *more,
            )
        )  # fmt: skip

    def level(self, number: int, available: int, as_of: datetime, reference: str | None = None) -> bool:
        """Tell a level, as a webhook does."""
        return bool(
            self.value(
                "SELECT inventory.record_absolute(%s, %s, %s, %s, %s, %s, %s)",
                SHOP, number, HERE, available, as_of, "webhook" if reference else None, reference,
            )
        )  # fmt: skip

    def available(self, number: int, place: str | None = HERE) -> int:
        """Return the stock."""
        return int(self.value("SELECT inventory.available(%s, %s, %s)", SHOP, variant(number), place))

    def fold(self, limit: int = 10_000) -> int:
        """Fold until nothing is left, and return how many entries that were."""
        folded = 0
        while some := int(self.value("SELECT inventory.fold(%s)", limit)):
            folded += some
        return folded

    def chain(self, number: int, place: str = HERE) -> list[tuple[int, int, int, int]]:
        """Return position, delta and the quantities around it of a variant's folded entries."""
        return self.rows(
            "SELECT position, delta, previous_quantity, new_quantity FROM neanelu.inventory_ledger"
            " WHERE shop_id = %s AND variant_id = %s AND location_id = %s ORDER BY position",
            SHOP, variant(number), place,
        )  # fmt: skip

    def new_order(self, number: int, lines: list[dict[str, Any]], processed_at: datetime) -> UUID:
        """Mirror an order."""
        order_id: UUID = self.value(
            """
            INSERT INTO neanelu.shopify_orders
                (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items,
                 processed_at)
            VALUES (%s, %s, %s, '#1', 1, 1, 'RON', %s, %s) RETURNING id""",
            SHOP, f"gid://shopify/Order/{number}", number, Jsonb(lines), processed_at,
        )  # fmt: skip
        return order_id

    def complete_run(self, resource: str) -> Any:
        """Complete a bulk run that began at Shopify now, and return the payload of the job that this leads to."""
        run = uuid4()
        self.connection.execute(
            """
            INSERT INTO neanelu.bulk_runs
                (id, shop_id, operation_type, query_type, status, attempt, lines_in, started_at, leased_by, lease_token,
                 lease_expires_at, cursor_state)
            VALUES (%s, %s, upper(%s) || '_EXPORT', %s, 'running', 1, 0, now(), 'x', uuidv7(), now(),
                    jsonb_build_object('operation_created_at', now()))""",
            (run, SHOP, resource, resource),
        )
        self.connection.execute(
            """
            UPDATE neanelu.bulk_runs
               SET status = 'completed', completed_at = now(), leased_by = NULL, lease_token = NULL, lease_expires_at = NULL
             WHERE id = %s""",
            (run,),
        )
        return self.value(
            "SELECT payload FROM neanelu.job_runs WHERE job_name = 'inventory.run' AND payload ->> 'run_id' = %s", str(run)
        )  # fmt: skip

    def assert_sound(self) -> None:
        """The ledger has nothing to reconcile."""
        assert self.rows("SELECT * FROM inventory.reconcile(%s)", SHOP) == []
