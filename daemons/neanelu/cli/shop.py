"""`neanelu shop`: shops come, change their token, and go."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import click

from neanelu.cli.output import console, emit, exits, instant, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NeaneluError, NotFound, ShopIdTaken, translated
from neanelu.settings import get_settings

if TYPE_CHECKING:
    from neanelu.oauth.facts import Facts
    from neanelu.secrets import KeyRing

#: Scopes that the bulk pipeline needs.
DEFAULT_SCOPES = (
    "read_products,read_product_listings,read_publications,read_inventory,read_locations,read_customers,"
    "read_orders,read_metaobjects,read_online_store_navigation"
)
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_TOKEN_LIMIT = 4096


def domain_of(text: str) -> str:
    """Return the permanent domain that was meant: `demo`, `Demo.myshopify.com`, `https://demo.myshopify.com/`.

    Raises:
        InvalidInput: it is not the domain of a Shopify shop (NH001).
    """
    name = text.strip().lower()
    if "//" in name:
        name = urlsplit(name).hostname or ""
    name = name.rstrip("/")
    if "." not in name:
        name += ".myshopify.com"
    if not _DOMAIN.fullmatch(name):
        raise InvalidInput(
            f"{text!r} is not the domain of a Shopify shop", code="NH001", hint="Like demo.myshopify.com."
        )
    return name


def read_secret(source: str, what: str) -> str:
    """Return a secret from a file, or from standard input for `-`, without white space around it.

    Raises:
        InvalidInput: it cannot be read, is empty, too long, or not one printable word (NH005). The message
            never repeats it.
    """
    try:
        data = sys.stdin.buffer.read(_TOKEN_LIMIT + 1) if source == "-" else _head(Path(source))
        text = data.decode("ascii").strip()
    except OSError as error:
        raise InvalidInput(
            f"the {what} cannot be read from {source}: {error.strerror}", code="NH005"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"the {what} in {source} is not plain text", code="NH005") from None
    if not text or len(data) > _TOKEN_LIMIT or not text.isprintable() or " " in text:
        raise InvalidInput(
            f"the {what} in {source} is {'empty' if not text else 'not one word of plain text'}", code="NH005"
        )
    return text


def _head(path: Path) -> bytes:
    """Return the beginning of a file, a byte more than a secret may have."""
    with path.open("rb") as file:
        return file.read(_TOKEN_LIMIT + 1)


def find_shop(connection: Connection, name: str) -> dict[str, Any]:
    """Return the shop with this domain, short name or id; raises NotFound (NH002)."""
    row = connection.execute(sql.FIND_SHOP, {"shop": name.strip()}).fetchone()
    if row is None:
        raise NotFound(f"there is no shop {name!r}", code="NH002", hint="neanelu shop list")
    return row


def register_shop(
    connection: Connection,
    ring: KeyRing,
    domain: str,
    token: str,
    scopes: list[str],
    *,
    webhook_secret: str | None = None,
    **facts: str | int | None,
) -> UUID:
    """Seal the token and register the shop, or give a known one the new token; returns its id.

    Args:
        connection: as a role that may register (neanelu_operator, neanelu_app, neanelu_sync).
        ring: keys to seal with.
        domain: as `domain_of` returns it.
        token: access token of the Admin API.
        scopes: OAuth scopes that the shop granted.
        webhook_secret: key for the HMAC of its webhooks, when the shop has its own.
        facts: api_version, timezone, currency_code, shopify_shop_id, where known.

    Raises:
        InvalidInput: a value does not fit.
        DatabaseUnavailable: the database is away.
    """
    from neanelu.secrets import token_place, webhook_secret_place

    known = {"api_version": None, "timezone": None, "currency_code": None, "shopify_shop_id": None, **facts}
    for last_try in (False, False, True):
        reserved = connection.execute(
            sql.RESERVE_SHOP_ID, {"domain": domain, "shopify_shop_id": known["shopify_shop_id"]}
        ).fetchone()
        assert reserved is not None
        shop_id: UUID = reserved["id"]
        sealed = ring.seal(token, token_place(shop_id))
        packed = ring.seal(webhook_secret, webhook_secret_place(shop_id)).pack() if webhook_secret else None
        try:
            with translated():
                connection.execute(
                    sql.REGISTER_SHOP,
                    {
                        "id": shop_id,
                        "domain": domain,
                        "ciphertext": sealed.ciphertext,
                        "iv": sealed.iv,
                        "tag": sealed.tag,
                        "key_version": sealed.key_version,
                        "scopes": scopes,
                        "webhook_secret": packed,
                        **known,
                    },
                )
        except ShopIdTaken:  # somebody registered it between the two calls
            if last_try:
                raise
        else:
            return shop_id
    raise AssertionError("unreachable")


def _matching(pattern: str, what: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Return a click callback that refuses a value which does not match; the match ignores case."""

    def check(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(pattern, value, re.IGNORECASE):
            raise click.BadParameter(f"{value!r} is not {what}")
        return value

    return check


@click.group()
def shop() -> None:
    """Shops: add one with its token or by OAuth, list them, renew tokens, remove one.

    \b
    Examples:
      neanelu shop add demo.myshopify.com --token-file token.txt
      pass show shopify/demo | neanelu shop add demo --token-file -
      neanelu shop authorize demo        where a merchant installs the app in a browser
      neanelu shop tokens                how the access tokens do
      neanelu shop list
      neanelu shop remove demo --dry-run
    """


@shop.command()
@click.argument("domain")
@click.option(
    "--token-file",
    metavar="FILE|-",
    help="File with the Admin API access token; - reads standard input.",
)
@click.option(
    "--verify/--no-verify",
    default=False,
    help="Ask the shop who it is with the token first: a wrong one is refused, time zone and currency are taken over.",
)
@click.option("--scopes", default=DEFAULT_SCOPES, help="OAuth scopes the shop granted, by commas.")
@click.option(
    "--api-version",
    callback=_matching(r"\d{4}-(01|04|07|10)|unstable", "a version of Shopify's API"),
    help="Admin API version for this shop, e.g. 2026-10 [default: the supported one].",
)
@click.option("--timezone", help="IANA time zone of the shop [default: Europe/Bucharest].")
@click.option(
    "--currency",
    callback=_matching(r"[A-Z]{3}", "a currency's code of three letters"),
    help="Currency of the shop, ISO 4217 [default: RON].",
)
@click.option(
    "--webhook-secret-file",
    metavar="FILE",
    help="File with the key of the shop's webhooks, if it has its own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the shop as JSON.")
def add(
    domain: str,
    token_file: str | None,
    verify: bool,
    scopes: str,
    api_version: str | None,
    timezone: str | None,
    currency: str | None,
    webhook_secret_file: str | None,
    as_json: bool,
) -> None:
    """Register a shop, or give a known one a new token. Safe to repeat; brings back a shop that was removed.

    The token is sealed before it leaves this process: the database never sees it. It is not an argument,
    because arguments can be read by everyone on the machine. An app that is installed by OAuth needs none:
    `neanelu shop authorize` says where.

    \b
    Examples:
      neanelu shop add demo.myshopify.com --token-file token.txt --verify
      neanelu shop add demo --token-file - --currency EUR --timezone Europe/Berlin < token.txt
    """
    with exits(as_json):
        name = domain_of(domain)
        if token_file is None:
            raise InvalidInput(
                "there is no token",
                code="NH005",
                hint=f"Give it with --token-file, or let the merchant install the app: neanelu shop authorize {name}",
            )
        token = read_secret(token_file, "token")
        secret = read_secret(webhook_secret_file, "webhook secret") if webhook_secret_file else None
        wanted = [scope for scope in re.split(r"[,\s]+", scopes) if scope]
        from neanelu.secrets import key_ring

        ring = key_ring()
        with session("neanelu_operator", purpose="shop") as connection:
            before = connection.execute(sql.FIND_SHOP, {"shop": name}).fetchone()
            shopify_shop_id = None
            if verify:
                facts = _ask(connection, name, api_version, token)
                shopify_shop_id = facts.shopify_shop_id
                timezone, currency = timezone or facts.timezone, currency or facts.currency_code
            shop_id = register_shop(
                connection,
                ring,
                name,
                token,
                wanted,
                webhook_secret=secret,
                api_version=api_version.lower() if api_version else None,
                timezone=timezone,
                currency_code=currency.upper() if currency else None,
                shopify_shop_id=shopify_shop_id,
            )
            row = find_shop(connection, str(shop_id))
        if as_json:
            emit(row)
            return
        done = "added" if before is None else "updated" if before["is_installed"] else "installed again"
        click.echo(f"{name} {done}: {shop_id}, API {row['api_version']}, key {row['key_version']}")
        if before is None:
            click.echo(f"next: neanelu sync {name}")


def _ask(connection: Connection, domain: str, api_version: str | None, token: str) -> Facts:
    """Return what the shop says of itself; raises ShopifyError when the token is no good, or nobody answers."""
    if api_version is None:
        row = connection.execute(sql.SUPPORTED_API_VERSION).fetchone()
        assert row is not None
        api_version = str(row["version"])
    from neanelu.oauth.facts import ask_facts

    return ask_facts(get_settings(), domain, api_version.lower(), token)


@shop.command()
@click.argument("domain")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def authorize(domain: str, as_json: bool) -> None:
    """Print the address at which a merchant installs the app, or authorises it again.

    `neanelu webhooks` serves it, when NEANELU_SHOPIFY_CLIENT_ID, _SECRET and NEANELU_OAUTH_ADDRESS are set.

    \b
    Examples:
      neanelu shop authorize demo
    """
    with exits(as_json):
        settings = get_settings()
        name = domain_of(domain)
        if not (settings.shopify_client_id and settings.shopify_client_secret and settings.oauth_address):
            raise NeaneluError(
                "the app is not set up for OAuth",
                code="NH009",
                hint="Set NEANELU_SHOPIFY_CLIENT_ID, NEANELU_SHOPIFY_CLIENT_SECRET and NEANELU_OAUTH_ADDRESS.",
            )
        url = f"{settings.oauth_address.rstrip('/')}/oauth/start?shop={name}"
        emit({"shop": name, "url": url}) if as_json else click.echo(url)


@shop.command()
@click.argument("name", metavar="[SHOP]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def tokens(name: str | None, as_json: bool) -> None:
    """Show how the access tokens do: which expire and when, which could not be renewed, who must authorise again.

    Ends with 1 when a shop must authorise the app again.

    \b
    Examples:
      neanelu shop tokens
      neanelu shop tokens --json | jq '.[] | select(.status == "needs_authorization")'
    """
    with exits(as_json), session("neanelu_operator", purpose="shop") as connection:
        shop_id = find_shop(connection, name)["id"] if name else None
        rows = connection.execute(sql.SHOP_TOKENS, {"shop_id": shop_id}).fetchall()
    if as_json:
        emit(rows)
    else:
        columns = {
            "SHOP": "left",
            "TOKEN": "left",
            "STATUS": "left",
            "ENDS": "left",
            "STORED": "left",
            "FAILURES": "right",
        }
        console().print(
            table(
                {**columns, "LAST ERROR": "left"},
                (
                    (
                        row["domain"],
                        row["kind"],
                        row["status"],
                        instant(row["expires_at"]),
                        instant(row["stored_at"]),
                        row["failures"],
                        f"{row['error_code']} {row['error_message']}" if row["error_code"] else "",
                    )
                    for row in rows
                ),
                wrap="LAST ERROR",
            )
        )
    if any(row["status"] == "needs_authorization" for row in rows):
        sys.exit(1)


@shop.command()
@click.argument("name", metavar="SHOP")
@click.option("--insist", is_flag=True, help="Ask Shopify whatever the record says, also after it refused.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def refresh(name: str, insist: bool, as_json: bool) -> None:
    """Renew a shop's access token now, if it is due; the worker does it by itself.

    \b
    Examples:
      neanelu shop refresh demo
      neanelu shop refresh demo --insist
    """
    with exits(as_json):
        from neanelu.oauth.tokens import TokenSource
        from neanelu.secrets import key_ring

        with session("neanelu_worker", purpose="shop") as connection:
            row = find_shop(connection, name)

            def call(statement: str, **values: Any) -> list[dict[str, Any]]:
                with translated():
                    return connection.execute(statement, values).fetchall()

            source = TokenSource(call, get_settings(), key_ring(), row["id"])
            outcome = source.refresh(insist=insist)
            found = source.current()
        if as_json:
            emit({"shop": row["domain"], "outcome": outcome, "expires_at": found.expires_at})
        else:
            ends = (
                "does not expire" if found.expires_at is None else f"good until {instant(found.expires_at)}"
            )
            click.echo(f"{row['domain']}: {outcome}, {ends}")


@shop.command("list")
@click.option("--installed", is_flag=True, help="Leave out shops that were removed or uninstalled.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(installed: bool, as_json: bool) -> None:
    """List the shops.

    \b
    Examples:
      neanelu shop list
      neanelu shop list --installed --json | jq -r '.[].domain'
    """
    with exits(as_json), session("neanelu_operator", purpose="shop") as connection:
        rows = connection.execute(sql.LIST_SHOPS, {"installed_only": installed}).fetchall()
    if as_json:
        emit(rows)
    elif not rows:
        click.echo("no shops yet; add one with: neanelu shop add DOMAIN --token-file FILE")
    else:
        columns = {"SHOP": "left", "ID": "left", "API": "left", "CURRENCY": "left", "TIME ZONE": "left"}
        console().print(
            table(
                {**columns, "KEY": "right", "INSTALLED": "left", "REMOVED": "left"},
                (
                    (
                        row["domain"],
                        row["id"],
                        row["api_version"],
                        row["currency_code"],
                        row["timezone"],
                        row["key_version"],
                        instant(row["installed_at"]),
                        instant(row["uninstalled_at"]),
                    )
                    for row in rows
                ),
            )
        )


@shop.command()
@click.argument("name", metavar="SHOP")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what happened as JSON; needs --yes or --dry-run."
)
def remove(name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """End a shop's installation: erase its token and sessions, cancel its runs. Its data stay.

    SHOP is a domain, its first word, or an id. Safe to repeat. `shop add` brings the shop back.

    \b
    Examples:
      neanelu shop remove demo --dry-run
      neanelu shop remove demo.myshopify.com --yes
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json needs --yes or --dry-run")
    with exits(as_json), session("neanelu_operator", purpose="shop") as connection:
        row = find_shop(connection, name)
        active = connection.execute(
            sql.LIST_RUNS, {"shop_id": row["id"], "statuses": ["pending", "running"], "limit": None}
        ).fetchall()
        plan = {"shop": row["domain"], "shop_id": row["id"], "was_installed": row["is_installed"]}
        if dry_run:
            plan |= {"removed": False, "runs_to_cancel": [run["run_id"] for run in active]}
        else:
            if not yes and row["is_installed"]:
                question = f"Erase the token of {row['domain']} and cancel {len(active)} runs?"
                click.confirm(question, abort=True)
            done = connection.execute(sql.UNINSTALL_SHOP, {"shop_id": row["id"]}).fetchone()
            assert done is not None
            plan |= {"removed": row["is_installed"], "runs_cancelled": done["cancelled"]}
    if as_json:
        emit(plan)
    elif not row["is_installed"]:
        click.echo(f"{row['domain']} was removed before, on {instant(row['uninstalled_at'])}")
    elif dry_run:
        click.echo(f"{row['domain']}: would erase its token and sessions and cancel {len(active)} runs")
        for run in active:
            click.echo(f"  {run['run_id']} {run['resource']} {run['status']}")
    else:
        click.echo(
            f"{row['domain']} removed: token erased, {plan['runs_cancelled']} runs cancelled, data kept"
        )


@shop.command()
@click.argument("name", metavar="SHOP")
@click.option(
    "--address", metavar="URL", help="Where Shopify shall deliver [default: NEANELU_WEBHOOKS_ADDRESS]."
)
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
def subscribe(name: str, address: str | None, dry_run: bool, as_json: bool) -> None:
    """Subscribe to the webhooks of a shop: creates what is missing, corrects what differs, deletes what is not wanted.

    Safe to repeat; the worker does it every night. Subscriptions to other addresses are left alone. Ends with 1 when
    Shopify refused one.

    \b
    Examples:
      neanelu shop subscribe demo --address https://hooks.example.com/api/webhooks
      neanelu shop subscribe demo --dry-run
    """
    with exits(as_json):
        from neanelu.oauth.tokens import TokenSource, shopify_client
        from neanelu.secrets import key_ring
        from neanelu.shopify.budget import Budget
        from neanelu.webhooks.subscriptions import address_of, drift
        from neanelu.webhooks.subscriptions import subscribe as carry_out

        settings = get_settings()
        where = address_of(settings, address)
        with session("neanelu_worker", purpose="shop") as connection:
            row = find_shop(connection, name)

            def call(statement: str, **values: Any) -> list[dict[str, Any]]:
                with translated():
                    return connection.execute(statement, values).fetchall()

            source = TokenSource(call, settings, key_ring(), row["id"])
            budget = Budget(call, row["id"], interactive=True)
            with shopify_client(source, settings, budget=budget) as client:
                steps = carry_out(client, call, row["id"], where, dry_run=dry_run)
    if as_json:
        emit(
            {
                "shop": row["domain"],
                "address": where,
                "dry_run": dry_run,
                "steps": [step.as_dict() for step in steps],
            }
        )
    else:
        shown = [step for step in steps if step.action != "keep"]
        for step in shown:
            click.echo(
                f"  {step.action:8} {step.topic}{f'  ({step.error or step.reason})' if step.error or step.reason else ''}"
            )
        counts = drift(steps)
        done = ", ".join(f"{number} {action}" for action, number in counts.items() if number)
        click.echo(f"{row['domain']}: {done or 'nothing to do'}{' (nothing was changed)' if dry_run else ''}")
    if any(step.error for step in steps):
        sys.exit(1)
