"""`neanelu sandbox`: a Shopify to practise on, and its files without the server."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click
import orjson

PLANS = ("standard", "advanced", "plus", "enterprise")


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8499, show_default=True, help="Port to listen on.")
@click.option(
    "--shop",
    "shops",
    multiple=True,
    metavar="DOMAIN[:PRODUCTS[:SEED]]",
    help="A shop to start with; may be given many times [default: demo.myshopify.com].",
)
@click.option("--products", default=100, show_default=True, help="Products of shops that do not say.")
@click.option(
    "--seed",
    default=1,
    show_default=True,
    help="Seed of the first shop; each further one gets one more.",
)
@click.option(
    "--plan", default="plus", show_default=True, type=click.Choice(PLANS), help="Rate limit of the shops."
)
@click.option("--shuffled", is_flag=True, help="Result files lose the order of their lines.")
@click.option(
    "--min-polls", default=2, show_default=True, help="Polls before a bulk operation may be complete."
)
@click.option("--url-seconds", default=604_800, show_default=True, help="For how long result URLs are good.")
@click.option("--live", is_flag=True, help="Shops can be changed, and tell of every change by webhooks.")
@click.option(
    "--subscribe", metavar="URL", help="Subscribe this address to every topic of every shop at the start."
)
@click.option(
    "--client-secret",
    envvar="NEANELU_SHOPIFY_CLIENT_SECRET",
    help="Secret of the app, which signs webhooks [default: sandbox-client-secret].",
)
@click.option("--log-level", default="info", show_default=True, type=click.Choice(["info", "warning"]))
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Write shops, tokens and base URLs here as JSON."
)
@click.pass_context
def sandbox(
    context: click.Context,
    host: str,
    port: int,
    shops: tuple[str, ...],
    products: int,
    seed: int,
    plan: str,
    shuffled: bool,
    min_polls: int,
    url_seconds: int,
    live: bool,
    subscribe: str | None,
    client_secret: str | None,
    log_level: str,
    ready_file: Path | None,
) -> None:
    """Run a sandbox Shopify, or write the files that its bulk operations would give.

    The base URL for clients is http://HOST:PORT/{shop}. Faults are asked for by POST /_sandbox/faults,
    changes by POST /_sandbox/shops/SHOP/mutate; of live shops by POST /_sandbox/shops/SHOP/live or as a burst by
    `neanelu sandbox traffic`. The app is installed at http://HOST:PORT/SHOP/admin/oauth/authorize.

    \b
    Examples:
      neanelu sandbox --shop demo.myshopify.com:500 --shop second.myshopify.com:200:7
      curl -X POST localhost:8499/_sandbox/faults -d '{"fault": "cut", "after_bytes": 5000}'
      curl -X POST localhost:8499/_sandbox/shops/SHOP/mutate -d '{"kind": "changed", "fraction": 0.01}'
      neanelu sandbox --live --shop live.myshopify.com:50 --subscribe http://127.0.0.1:8080/webhooks
      curl -X POST localhost:8499/_sandbox/shops/SHOP/live -d '{"do": "update_product", "product": 0, "title": "New"}'
      neanelu sandbox traffic live.myshopify.com --changes 500 --rate 50
      neanelu sandbox generate --products 1000000 --seed 1 -o products.jsonl
      neanelu sandbox generate --products 1000000 --changed 0.01 --deleted 0.001 -o later.jsonl.gz
      neanelu sandbox suppliers --out feeds
    """
    if context.invoked_subcommand is not None:
        return
    from neanelu.sandbox.generator import ShopSpec
    from neanelu.sandbox.server import serve

    options = {
        "plan": plan,
        "shuffled": shuffled,
        "min_polls": min_polls,
        "url_seconds": url_seconds,
        "live": live,
    }
    wanted = []
    for number, text in enumerate(shops or ("demo.myshopify.com",)):
        domain, *rest = text.split(":")
        try:
            size = int(rest[0]) if rest and rest[0] else products
            own_seed = int(rest[1]) if len(rest) > 1 else seed + number
        except ValueError:
            raise click.BadParameter(f"{text} is not DOMAIN[:PRODUCTS[:SEED]]", param_hint="--shop") from None
        wanted.append((ShopSpec(domain=domain, products=size, seed=own_seed), options))
    serve(wanted, host, port, log_level, ready_file, client_secret=client_secret, subscribe=subscribe)


@sandbox.command()
@click.argument("shops", nargs=-1, required=True, metavar="SHOP...")
@click.option("--url", default="http://127.0.0.1:8499", show_default=True, help="Where the sandbox answers.")
@click.option("--changes", default=200, show_default=True, help="Changes to make in each shop.")
@click.option("--rate", default=50.0, show_default=True, help="Changes a second in each shop; 0: no limit.")
@click.option("--seed", default=1, show_default=True, help="What is changed follows from it.")
@click.option("--mix", metavar="KIND=WEIGHT,...", help="Kinds of changes [default: much of every kind].")
@click.option("--disturb", metavar="NAME=VALUE,...", help="What goes wrong with deliveries meanwhile.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds for changes and deliveries.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def traffic(
    shops: tuple[str, ...],
    url: str,
    changes: int,
    rate: float,
    seed: int,
    mix: str | None,
    disturb: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Make a burst of changes in live shops of a running sandbox, and wait until every webhook is delivered.

    Kinds: inventory, order, order_change, price, product, customer, collection, metaobject, publication, create, delete. What
    can go wrong: duplicates, replays, drops (shares from 0 to 1), reorder (seconds), secret (current, previous, mixed, wrong),
    rate (deliveries a second), retry_scale. Afterwards it does not go wrong any more.

    Exit code 1: a change broke, a delivery was given up, or the time was over; 3: there is no sandbox.

    \b
    Examples:
      neanelu sandbox traffic live.myshopify.com --changes 500 --rate 100
      neanelu sandbox traffic live.myshopify.com --mix inventory=9,order=1 --disturb duplicates=0.1,reorder=0.5 --json
    """
    from neanelu.cli.output import console, emit, exits, table
    from neanelu.sandbox.burst import Burst

    columns = {
        "shop": "left",
        "changes": "right",
        "seconds": "right",
        "webhooks": "right",
        "retried": "right",
        "given up": "right",
    }
    with exits(as_json), Burst(url, shops, timeout) as burst:
        try:
            wishes = burst.parse(disturb, numbers=False)
            found = burst.run(changes, rate, seed, burst.parse(mix, numbers=True), wishes)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if as_json:
        emit({"shops": found})
    else:
        rows = [
            [
                one["shop"],
                one["changes"],
                one["seconds"],
                one["deliveries"].get("delivered", 0),
                one["deliveries"].get("retried", 0),
                one["deliveries"].get("given_up", 0),
            ]
            for one in found
        ]
        console().print(table(columns, rows))
    if any(one["failure"] or one["deliveries"].get("given_up") or not one["complete"] for one in found):
        sys.exit(1)


@sandbox.command()
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into; made when it is not there.",
)
@click.option(
    "--seed", default=1, show_default=True, help="Worlds of one seed and size are equal to the byte."
)
@click.option("--products", default=300, show_default=True, help="Products beside those of shops.")
@click.option(
    "--shop",
    "shops",
    multiple=True,
    metavar="DOMAIN:PRODUCTS:SEED",
    help="A sandbox shop whose products the suppliers sell, too; may be given many times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def suppliers(folder: Path, seed: int, products: int, shops: tuple[str, ...], as_json: bool) -> None:
    """Write what suppliers say about a world of products, with conflicts, gaps and mistakes at known rates.

    distribuitor.csv is Romanian, with semicolons and decimal commas; manufacturer.jsonl English, in inches and pounds;
    marketplace.xml Romanian without diacritics, with most mistakes. truth.json has what is so, and which record is wrong
    in what. Sites without feeds are served by a running sandbox at /suppliers/webshop/ and /suppliers/catalogue/.

    \b
    Examples:
      neanelu sandbox suppliers --out /tmp/feeds
      neanelu sandbox suppliers --out /tmp/feeds --products 1000 --seed 7
      neanelu sandbox suppliers --out /tmp/feeds --shop demo-carpati.myshopify.com:3000:1 --json
    """
    from neanelu.cli.output import emit, number
    from neanelu.sandbox.generator import ShopSpec
    from neanelu.sandbox.suppliers.feeds import write_all
    from neanelu.sandbox.suppliers.world import World, WorldSpec

    specs = []
    for text in shops:
        domain, *rest = text.split(":")
        if len(rest) != 2 or not all(part.isdigit() for part in rest):
            raise click.BadParameter(f"{text} is not DOMAIN:PRODUCTS:SEED", param_hint="--shop")
        specs.append(ShopSpec(domain=domain, products=int(rest[0]), seed=int(rest[1])))
    written = write_all(World.of(WorldSpec(seed, products, tuple(specs))), folder)
    if as_json:
        emit({"folder": str(folder), "files": written})
        return
    for name, facts in written.items():
        count = facts.get("records", facts.get("products"))
        click.echo(f"{folder / name}: {number(count)} {'records' if 'records' in facts else 'products'}")


@sandbox.command()
@click.option(
    "--products",
    default=1000,
    show_default=True,
    help="Products of the shop; the other counts follow from it.",
)
@click.option(
    "--seed", default=1, show_default=True, help="Shops of one seed and size are equal to the byte."
)
@click.option("--resource", default="products", show_default=True, help="Whose bulk document to answer.")
@click.option("--customers", type=int, help="Customers [default: a quarter of the products].")
@click.option("--orders", type=int, help="Orders [default: half of the products].")
@click.option("--changed", default=0.0, show_default=True, help="Share of the objects changed since, 0 to 1.")
@click.option("--deleted", default=0.0, show_default=True, help="Share of the objects deleted since, 0 to 1.")
@click.option("--added", default=0, show_default=True, help="Number of objects added since.")
@click.option(
    "--generation",
    default=1,
    show_default=True,
    help="How often the share was changed; each time another share.",
)
@click.option(
    "--filter", "search", help="Search as an incremental run sends it, e.g. updated_at:>='2026-01-01'."
)
@click.option(
    "--shuffled", is_flag=True, help="Lose the order of lines: children before parents, and far from them."
)
@click.option("--processes", default=2, show_default=True, help="Worker processes.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option(
    "-o", "--output", required=True, help="File to write; - for standard output, .gz for compressed."
)
def generate(
    products: int,
    seed: int,
    resource: str,
    customers: int | None,
    orders: int | None,
    changed: float,
    deleted: float,
    added: int,
    generation: int,
    search: str | None,
    shuffled: bool,
    processes: int,
    as_json: bool,
    output: str,
) -> None:
    """Write the result file of a resource's bulk document for a generated shop.

    \b
    Examples:
      neanelu sandbox generate --products 220000 -o one-gigabyte.jsonl
      neanelu sandbox generate --products 220000 --changed 0.01 -o one-percent-changed.jsonl
      neanelu sandbox generate --products 1000 --shuffled -o shuffled.jsonl
    """
    from neanelu.sandbox.files import Job, write
    from neanelu.sandbox.generator import Edit, ShopSpec
    from neanelu.shopify import documents

    known = documents.RESOURCES.get(resource)
    if known is None or known.mode != "bulk":
        bulk = ", ".join(name for name, spec in documents.RESOURCES.items() if spec.mode == "bulk")
        raise click.BadParameter(f"{resource} has no bulk document; one of: {bulk}", param_hint="--resource")
    kind = {"product_publications": "products", "inventory": "products"}.get(resource, resource)
    edits = [
        Edit("changed", f"2026-11-{number % 28 + 1:02d}T00:00:00Z", kind, changed)
        for number in range(generation if changed else 0)
    ]
    if deleted:
        edits.append(Edit("deleted", "2026-11-29T00:00:00Z", kind, deleted))
    if added:
        edits.append(Edit("added", "2026-11-30T00:00:00Z", kind, count=added))
    spec = ShopSpec(seed=seed, products=products, customers=customers, orders=orders, edits=tuple(edits))
    try:
        query = documents.render(resource, search)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from error
    job = Job(spec, query, shuffled=shuffled, compressed=output.endswith(".gz"))
    with ExitStack() as stack:
        target: IO[bytes] = (
            sys.stdout.buffer if output == "-" else stack.enter_context(Path(output).open("wb"))
        )
        if len(job.ranges()) < 3:
            processes = 1
        written = write(job, target, processes=processes)
    summary = {"file": output, "resource": resource, **written.as_dict()}
    if as_json:
        click.echo(orjson.dumps(summary).decode(), err=output == "-")
        return
    rate = written.size / 1e6 / max(written.seconds, 1e-9)
    click.echo(
        f"{output}: {written.lines} lines, {written.roots} roots, {written.size} bytes "
        f"in {written.seconds:.1f} s ({rate:.0f} MB/s)",
        err=True,
    )
