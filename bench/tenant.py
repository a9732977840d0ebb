"""What a tenant's login waits for a search, against the same query by the owner with the shop stated.

Metafields, tags and full text are searched with operators that are not leakproof: behind a policy they use no
index. Tenants get functions (schema search) that state the shop themselves. Each of them is measured for a value that
one product in 2,000 has and for one that one in ten has, as a login bound to the shop, policies on, beside a
second shop with the same values; the owner is the superuser, whom policies do not concern. Both get the
newest 50. The times are the client's, over the socket, warm, alternating.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from bench import frame
from neanelu.platform.scratch import Database

PRODUCTS = {"small": 100_000, "full": 1_000_000}
ROUNDS = 60
SHOP = "00000000-0000-7000-8000-0000000000a1"
NEIGHBOUR = "00000000-0000-7000-8000-0000000000a2"
LOGIN = "bench_tenant"

SHOPS = """
INSERT INTO neanelu.shops
    (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id, domain, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}'
  FROM (VALUES (%s::uuid, 'bench.myshopify.com'), (%s::uuid, 'neighbour.myshopify.com')) AS shop (id, domain)"""
#: A value `rareN` is in one product of 2,000, `commonN` in one of ten; a text has 40 words of 16,384.
FILL = """
INSERT INTO neanelu.shopify_products
    (shop_id, shopify_gid, legacy_resource_id, title, handle, description, vendor, product_type, status, tags,
     metafields, created_at_shopify, updated_at_shopify)
SELECT %s, 'gid://shopify/Product/' || g, g, 'Product ' || g || ' rare' || g %% 2000, 'product-' || g,
       (SELECT string_agg('word' || (hashint8(g * 40 + w) & 16383), ' ') FROM generate_series(1, 40) AS w)
       || ' common' || g %% 10,
       'vendor ' || g %% 50, 'type ' || g %% 40, 'ACTIVE',
       ARRAY['rare' || g %% 2000, 'common' || g %% 10, 'season' || g %% 4],
       jsonb_build_object('custom.rare', jsonb_build_object('type', 'single_line_text_field', 'value', 'rare' || g %% 2000),
                          'custom.common', jsonb_build_object('type', 'single_line_text_field', 'value', 'common' || g %% 10),
                          'custom.note', jsonb_build_object('type', 'multi_line_text_field', 'value', md5(g::text))),
       now(), now()
  FROM generate_series(%s::bigint, %s::bigint) AS g"""
OWNER = """
SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
  FROM neanelu.shopify_products AS p
 WHERE {shop} p.deleted_at IS NULL AND {condition}
 ORDER BY p.id DESC LIMIT 50"""
TEXT = "to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, ''))"


@dataclass(frozen=True)
class Search:
    """One search: what tenants call, what the owner asks, the index that must answer it where few rows match."""

    name: str
    call: str
    condition: str
    index: str

    def tenant(self, value: str) -> str:
        """Return the tenant's statement."""
        return f"SELECT * FROM search.{self.call.format(value)}"

    def owner(self, value: str) -> str:
        """Return the owner's statement."""
        return OWNER.format(shop=f"p.shop_id = '{SHOP}' AND", condition=self.condition.format(value))

    def policy(self, value: str) -> str:
        """Return the statement of a tenant who queries the table behind its policy."""
        return OWNER.format(shop="", condition=self.condition.format(value))


def searches(kind: str) -> list[Search]:
    """Return the searches for `rare` or `common` values."""
    return [
        Search(
            "metafield",
            f"products_by_metafield('custom.{kind}', '{{}}')",
            f"""p.metafields @> '{{{{"custom.{kind}": {{{{"value": "{{}}"}}}}}}}}'""",
            "idx_products_metafields",
        ),
        Search("tag", "products_by_tag(ARRAY['{}'])", "p.tags @> ARRAY['{}']", "idx_products_tags"),
        Search(
            "text",
            "products('{}')",
            TEXT + " @@ websearch_to_tsquery('pg_catalog.simple', '{}')",
            "idx_products_fts",
        ),
    ]


def _fill(database: Database, products: int) -> None:
    """Insert the shops' products, a fifth as many for the neighbour, and bind the tenant's login."""
    with database.connect() as connection:
        connection.execute(SHOPS, (SHOP, NEIGHBOUR))
        connection.execute(FILL, (SHOP, 1, products))
        connection.execute(FILL, (NEIGHBOUR, products + 1, products + products // 5))
        connection.execute("VACUUM (ANALYZE) neanelu.shopify_products")
        connection.execute(f"DROP ROLE IF EXISTS {LOGIN}")
        connection.execute(f"CREATE ROLE {LOGIN} LOGIN IN ROLE neanelu_tenant")
        connection.execute("SELECT app.bind_tenant_login(%s, %s)", (LOGIN, SHOP))


def _milliseconds(connection: psycopg.Connection[Any], statement: str) -> tuple[float, list[Any]]:
    """Return how long a statement takes, and its rows."""
    began = time.perf_counter()
    rows = connection.execute(statement).fetchall()
    return (time.perf_counter() - began) * 1000, rows


def _plans(database: Database, statement: str) -> str:
    """Return the plans of all that a tenant's statement runs, nested ones too."""
    plans: list[str] = []
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "client_min_messages": "log",
        }.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.execute(f"SET SESSION AUTHORIZATION {LOGIN}")
        connection.execute(statement)
    return "\n".join(plans)


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    figures: list[frame.Figure] = []
    with frame.steps("tenant", 8) as step:
        step(f"insert {PRODUCTS[scale]} products, and a fifth as many beside")
        database = frame.laboratory().create()
        _fill(database, PRODUCTS[scale])
        tenant, owner = database.connect(LOGIN), database.connect()
        for kind in ("rare", "common"):
            for search in searches(kind):
                step(f"{search.name}, {kind} value")
                took: dict[str, list[float]] = {"tenant": [], "owner": []}
                for number in range(ROUNDS + 5):
                    # another value each time; the first rounds warm up
                    value = f"{kind}{number * 7 % 10 if kind == 'common' else number * 37 % 2000}"
                    # who asks second finds the pages in the CPU's caches: they take turns
                    if number % 2:
                        theirs, same = _milliseconds(owner, search.owner(value))
                    mine, rows = _milliseconds(tenant, search.tenant(value))
                    if not number % 2:
                        theirs, same = _milliseconds(owner, search.owner(value))
                    if rows != same or not rows:
                        raise RuntimeError(
                            f"tenant and owner differ on {search.name} {value}: {len(rows)}, {len(same)}"
                        )
                    if number >= 5:
                        took["tenant"].append(mine)
                        took["owner"].append(theirs)
                policy = frame.median(
                    [_milliseconds(tenant, search.policy(f"{kind}{n}"))[0] for n in range(3)]
                )
                name = f"tenant_{search.name}_{kind}"
                mine, theirs = frame.median(took["tenant"]), frame.median(took["owner"])
                figures += [
                    frame.figure(name, mine, "ms", most=20),
                    frame.figure(f"{name}_owner", theirs, "ms"),
                    frame.figure(f"{name}_ratio", mine / theirs, "x", most=1.2),
                    frame.figure(f"{name}_behind_policy", policy, "ms"),
                ]
                if kind == "rare":
                    used = search.index in _plans(database, search.tenant("rare11"))
                    figures.append(frame.figure(f"{name}_uses_gin", float(used), "bool", least=1))
        frame.drop(database)
        with frame.laboratory().superuser() as connection:
            connection.execute(f"DROP ROLE {LOGIN}")
    return figures
