"""What the tests of the live mirror share: shops that take webhooks and fetched lines in SQL, and mirrors to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sync_support import new_domain

from neanelu.platform.scratch import Database
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import Obj
from neanelu.sandbox.live import LiveShop
from neanelu.shopify import documents

#: Resources in the order in which a sync runs them, and the kind of their objects.
KINDS = {
    "locations": "Location",
    "publications": "Publication",
    "products": "Product",
    "product_publications": "Product",
    "inventory": "InventoryItem",
    "collections": "Collection",
    "customers": "Customer",
    "orders": "Order",
    "metaobjects": "Metaobject",
}
#: Mirror tables with a gid, and the references that stand in them by internal id.
TABLES = {
    "inventory_locations": {},
    "shopify_publications": {},
    "shopify_products": {},
    "shopify_variants": {"product_id": "shopify_products"},
    "inventory_levels": {"location_id": "inventory_locations"},
    "shopify_collections": {},
    "shopify_customers": {},
    "shopify_orders": {"customer_id": "shopify_customers"},
    "shopify_metaobjects": {},
}
#: What we wrote and when, and what only webhooks know.
_OURS = frozenset(
    {"id", "shop_id", "created_at", "updated_at", "synced_at", "deleted_at", "deletion_reason"}
    | {"item_updated_at_shopify"}
)
_LINKS = {
    "collection_products": """
        SELECT c.shopify_gid, p.shopify_gid, l.position::text
          FROM neanelu.shopify_collection_products AS l
          JOIN neanelu.shopify_collections AS c ON c.shop_id = l.shop_id AND c.id = l.collection_id AND c.deleted_at IS NULL
          JOIN neanelu.shopify_products AS p ON p.shop_id = l.shop_id AND p.id = l.product_id AND p.deleted_at IS NULL
         WHERE l.shop_id = %s""",
    "publications": """
        SELECT coalesce(p.shopify_gid, c.shopify_gid), b.shopify_gid, l.is_published::text, l.published_at::text,
               l.publish_date::text
          FROM neanelu.shopify_resource_publications AS l
          JOIN neanelu.shopify_publications AS b ON b.shop_id = l.shop_id AND b.id = l.publication_id
          LEFT JOIN neanelu.shopify_products AS p ON p.shop_id = l.shop_id AND p.id = l.product_id AND p.deleted_at IS NULL
          LEFT JOIN neanelu.shopify_collections AS c ON c.shop_id = l.shop_id AND c.id = l.collection_id AND c.deleted_at IS NULL
         WHERE l.shop_id = %s AND coalesce(p.id, c.id) IS NOT NULL""",
    "product_media": """
        SELECT p.shopify_gid, m.shopify_gid, l.position::text, l.is_featured::text, m.url, m.status, m.alt
          FROM neanelu.shopify_product_media AS l
          JOIN neanelu.shopify_media AS m ON m.shop_id = l.shop_id AND m.media_id = l.media_id
          JOIN neanelu.shopify_products AS p ON p.shop_id = l.shop_id AND p.id = l.product_id AND p.deleted_at IS NULL
         WHERE l.shop_id = %s""",
    "variant_media": """
        SELECT v.shopify_gid, m.shopify_gid, l.position::text
          FROM neanelu.shopify_variant_media AS l
          JOIN neanelu.shopify_media AS m ON m.shop_id = l.shop_id AND m.media_id = l.media_id
          JOIN neanelu.shopify_variants AS v ON v.shop_id = l.shop_id AND v.id = l.variant_id AND v.deleted_at IS NULL
         WHERE l.shop_id = %s""",
}
_DECIMAL = re.compile(r"-?\d+\.\d+")


class MirrorShop:
    """A registered shop and one connection, as the superuser, to treat it with.

    Args:
        database: where it is.
        settings: of the shop's row, for instance `scopes`.
    """

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.connection = psycopg.connect(database.dsn(), autocommit=True, row_factory=dict_row)
        self.domain = new_domain()
        self.id: UUID = self.row(
            "INSERT INTO neanelu.shops (shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)"
            " VALUES (%s, '\\x00', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), %s) RETURNING id",
            self.domain,
            settings.get("scopes", ["read_products", "read_all_orders"]),
        )["id"]

    def close(self) -> None:
        self.connection.close()

    # --- asking -------------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return self.connection.execute(statement.encode(), values or None).fetchall()

    def row(self, statement: str, *values: Any) -> dict[str, Any]:
        (found,) = self.rows(statement, *values)
        return found

    def value(self, statement: str, *values: Any) -> Any:
        return next(iter(self.row(statement, *values).values()))

    def execute(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement.encode(), values or None)

    # --- webhooks -----------------------------------------------------------------------------------------

    def receive(self, topic: str, payload: Any, triggered_at: str | datetime | None = None) -> Jsonb:
        """Store a delivery and return the payload of its job."""
        event = self.row(
            "INSERT INTO neanelu.webhook_events (shop_id, topic, payload, hmac_verified, triggered_at, shopify_webhook_id)"
            " VALUES (%s, %s, %s, true, %s, %s) RETURNING id, created_at",
            self.id,
            topic,
            Jsonb(payload),
            triggered_at,
            str(uuid4()),
        )
        return Jsonb({"event_id": str(event["id"]), "event_created_at": event["created_at"].isoformat()})

    def process(self, job: Jsonb) -> dict[str, Any]:
        """Process a stored delivery and return what the handler says."""
        result: dict[str, Any] = self.value("SELECT webhooks.process(%s, %s)", self.id, job)
        return result

    def send(self, topic: str, payload: Any, triggered_at: str | datetime | None = None) -> str:
        """Receive and process a delivery; return what became of it."""
        return str(self.process(self.receive(topic, payload, triggered_at))["outcome"])

    # --- fetched lines ------------------------------------------------------------------------------------

    def want(self, resource: str, numbers: Iterable[int]) -> None:
        self.execute("SELECT webhooks._want(%s, %s, %s, '0')", self.id, resource, list(numbers))

    def wanted(self) -> dict[str, list[int]]:
        """Return what is to be asked for, by resource."""
        found = self.rows(
            "SELECT resource, array_agg(object_id ORDER BY object_id) AS numbers FROM neanelu.mirror_fetches"
            " WHERE shop_id = %s AND wanted_at IS NOT NULL GROUP BY resource",
            self.id,
        )
        return {row["resource"]: row["numbers"] for row in found}

    def answer(self, resource: str, numbers: list[int], lines: list[str]) -> dict[str, Any]:
        """Hand over the answer for objects, as of now."""
        result: dict[str, Any] = self.value(
            "SELECT webhooks.apply_fetched(%s, %s, %s, %s, clock_timestamp())",
            self.id,
            resource,
            numbers,
            lines,
        )
        return result

    def fetch_all(self, live: LiveShop) -> dict[str, int]:
        """Do what the job mirror.fetch does until nothing is wanted, with lines of the live shop; return what was asked for."""
        asked: dict[str, int] = {}
        for _ in range(20):
            self.execute(
                "UPDATE neanelu.mirror_fetches SET due_at = now() - interval '1 s' WHERE shop_id = %s AND wanted_at IS NOT NULL",
                self.id,
            )
            claims = self.rows("SELECT * FROM webhooks.claim_fetches(%s, 1000)", self.id)
            if not claims:
                return asked
            (claim,) = claims
            trees = trees_of(live, claim["resource"])
            lines = [line for number in claim["object_ids"] for line in trees.get(number, ())]
            self.execute(
                "SELECT webhooks.apply_fetched(%s, %s, %s, %s, %s)",
                self.id,
                claim["resource"],
                claim["object_ids"],
                lines,
                claim["claimed_at"],
            )
            asked[claim["resource"]] = asked.get(claim["resource"], 0) + len(claim["object_ids"])
        raise AssertionError(f"still wanted: {self.wanted()}")

    def bring(self, live: LiveShop) -> None:
        """Bring the whole live shop, resource by resource."""
        for resource in KINDS:
            trees = trees_of(live, resource)
            self.answer(resource, list(trees), [line for lines in trees.values() for line in lines])

    # --- looking ------------------------------------------------------------------------------------------

    def mirror(self, table: str) -> dict[str, dict[str, Any]]:
        """Return a table's living rows by gid, internal ids replaced by gids."""
        references = "".join(
            f", (SELECT r.shopify_gid FROM neanelu.{parent} AS r"
            f" WHERE r.shop_id = t.shop_id AND r.id = t.{column}) AS ref_{column}"
            for column, parent in TABLES[table].items()
        )
        found = self.rows(
            f"SELECT t.*{references} FROM neanelu.{table} AS t WHERE shop_id = %s AND deleted_at IS NULL",
            self.id,
        )
        for row in found:
            for column in TABLES[table]:
                row[column] = row.pop(f"ref_{column}")
        return {row["shopify_gid"]: {k: v for k, v in row.items() if k not in _OURS} for row in found}

    def links(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the links between living objects, by kind, sorted."""
        return {
            name: sorted((tuple(row.values()) for row in self._tuples(query)), key=repr)
            for name, query in _LINKS.items()
        }

    def _tuples(self, query: str) -> list[dict[str, Any]]:
        cursor = self.connection.cursor(row_factory=psycopg.rows.tuple_row)
        return [dict(enumerate(row)) for row in cursor.execute(query.encode(), [self.id]).fetchall()]


def number_of(gid: str) -> int:
    """Return the number in a gid."""
    return int(gid.rsplit("/", 1)[1].split("?")[0])


def lines_of_live(live: LiveShop, resource: str) -> list[Obj]:
    """Return the lines of a live shop's bulk result."""
    data = Job(live.spec, documents.render(resource), shop=live).part(0, 100_000).data
    return [json.loads(line) for line in data.splitlines()]


def trees_of(live: LiveShop, resource: str) -> dict[int, list[str]]:
    """Return the lines of each object of a resource, as the answer to asking for it has them."""
    trees: dict[int, list[str]] = {}
    for line in lines_of_live(live, resource):
        if resource == "metaobjects":
            if not line.pop("__parentId", None):
                continue
        elif "__parentId" in line:
            next(reversed(trees.values())).append(json.dumps(line))
            continue
        trees[number_of(line["id"])] = [json.dumps(line)]
    return trees


def plain(value: Any) -> Any:
    """Return a value in which amounts are numbers, so that "10.0" and "10.00" are the same."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(str(value))
    return value
