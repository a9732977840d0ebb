"""`neanelu sandbox`: a Shopify to practise on, and its files without the server."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click
import orjson


@click.group(invoke_without_command=True)
@click.pass_context
def sandbox(context: click.Context) -> None:
    """Run a sandbox Shopify, or write the files that its bulk operations would give.

    \b
    Examples:
      neanelu sandbox generate --products 1000000 --seed 1 -o products.jsonl
      neanelu sandbox generate --products 1000000 --changed 0.01 --deleted 0.001 -o later.jsonl.gz
      neanelu sandbox generate --resource orders --products 5000 -o - | head -1
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


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
