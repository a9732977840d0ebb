"""What docs/operations.md tells an operator to ask, an operator may ask."""

from __future__ import annotations

import re

import psycopg
from conftest import REPO

from neanelu.platform.scratch import Database

SHOP = "00000000-0000-7000-8000-0000000000a1"


def statements() -> list[str]:
    """Return the statements of the page's SQL blocks, but for what an administrator does."""
    text = (REPO / "docs/operations.md").read_text("utf-8")
    blocks = (re.sub(r"--.*", "", block) for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL))
    found = [part.strip() for block in blocks for part in block.split(";")]
    return [part.replace("'SHOP'", f"'{SHOP}'") for part in found if part and "CREATE" not in part]


def test_the_operators_page_is_true(db: Database) -> None:
    with db.connect() as connection:
        connection.execute(
            "INSERT INTO neanelu.shops"
            " (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)"
            " VALUES (%s, 'a.myshopify.com', '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}')",
            [SHOP],
        )
    found = statements()
    assert len(found) > 15
    with db.connect("neanelu_operator") as connection:
        for statement in found:
            connection.execute(statement.encode())
        for hidden in ("payload", "*"):
            try:
                connection.execute(f"SELECT {hidden} FROM webhook_events".encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            raise AssertionError(f"operators read {hidden} of deliveries")
