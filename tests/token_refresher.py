"""A process that renews a shop's token, to be killed: `python token_refresher.py DSN SHOP_ID`; prints what came of it."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from neanelu.db.errors import translated
from neanelu.oauth.tokens import TokenSource
from neanelu.secrets import key_ring
from neanelu.settings import Settings


def main() -> None:
    settings = Settings(_env_file=None)
    connection = psycopg.connect(
        sys.argv[1], autocommit=True, row_factory=dict_row, application_name="token refresher"
    )

    def call(statement: str, **values: Any) -> list[dict[str, Any]]:
        with translated():
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]

    print(TokenSource(call, settings, key_ring(settings), UUID(sys.argv[2])).refresh(insist=True), flush=True)


main()
