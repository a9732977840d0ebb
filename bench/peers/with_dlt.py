"""Loads a file of product lines into PostgreSQL with dlt; runs in dlt's own environment.

    with_dlt.py HOST DATABASE FILE default|best append|merge FOLDER

`default` is what dlt's own walkthroughs write: a resource that yields dictionaries, everything else as it comes
(nested objects become columns, nested lists tables of their own; files of INSERT statements). `best` follows
dlt's page on performance and the postgres destination's on fast loading: pages as Arrow tables, CSV files by
COPY, as many normalisers as CPUs, nested values kept as JSON, and for a merge the upsert strategy.

Each kind of line goes to a table of its own, its id is the primary key. The pipeline's state is kept in FOLDER, so
that a second call is a re-sync. Prints the seconds of pipeline.run alone, without the interpreter's start.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

PAGE = 5_000
#: What is no text in the Arrow tables; names that end in At are timestamps, nested values JSON as text.
WHOLE = {"position", "inventoryQuantity", "duration"}
YES_OR_NO = {
    *("isGiftCard", "hasOnlyDefaultVariant", "hasOutOfStockVariants", "requiresSellingPlan"),
    *("availableForSale", "taxable", "requiresComponents"),
}
TABLES = {"Product": "products", "ProductVariant": "variants", "Metafield": "metafields"}


def pages(path: str) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Yield so many parsed lines at a time, by table."""
    import orjson

    with Path(path).open("rb") as file:
        while lines := list(islice(file, PAGE)):
            page: dict[str, list[dict[str, Any]]] = {}
            for text in lines:
                item = orjson.loads(text)
                page.setdefault(TABLES.get(item["id"].split("/")[3], "media"), []).append(item)
            yield page


def main(host: str, database: str, path: str, settings: str, disposition: str, folder: str) -> None:
    """Run the pipeline once."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    if settings == "best":
        os.environ["NORMALIZE__WORKERS"] = str(os.cpu_count())
        os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = "50000"
        os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = "100000"
        os.environ["NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION"] = "true"
    import dlt
    import orjson
    import pyarrow as pa

    def plain() -> Iterator[Any]:
        for page in pages(path):
            for table, items in page.items():
                yield dlt.mark.with_table_name(items, table)

    columns: dict[str, list[str]] = {}

    def arrow() -> Iterator[Any]:
        for page in pages(path):
            for table, items in page.items():
                known = columns.setdefault(table, [])
                known += [
                    name for name in dict.fromkeys(n for item in items for n in item) if name not in known
                ]
                arrays = {name: column(name, [item.get(name) for item in items]) for name in known}
                yield dlt.mark.with_table_name(pa.table(arrays), table)

    def column(name: str, values: list[Any]) -> Any:
        if name.endswith("At"):
            texts = pa.array(
                [None if value is None else value.removesuffix("Z") for value in values], pa.string()
            )
            return texts.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        if name in WHOLE:
            return pa.array(values, pa.int64())
        if name in YES_OR_NO:
            return pa.array(values, pa.bool_())
        plain = (
            value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
            for value in values
        )
        return pa.array(plain, pa.string())

    write: Any = disposition
    if disposition == "merge" and settings == "best":
        write = {"disposition": "merge", "strategy": "upsert"}
    resource = dlt.resource(
        plain if settings == "default" else arrow, name="lines", primary_key="id", write_disposition=write
    )
    if settings == "best":
        resource.max_table_nesting = 0
    pipeline = dlt.pipeline(
        pipeline_name=f"bench_{settings}_{disposition}",
        pipelines_dir=folder,
        dataset_name=f"dlt_{settings}_{disposition}",
        destination=dlt.destinations.postgres(
            f"postgresql://postgres:none@{quote(host, safe='')}:5432/{database}"
        ),
    )
    began = time.perf_counter()
    pipeline.run(resource, loader_file_format="csv" if settings == "best" else None)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
