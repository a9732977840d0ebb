"""Supplier feeds: every record is taken or in quarantine with its line, whatever the file is like."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg.rows import dict_row

from neanelu.cli import main
from neanelu.db.errors import InvalidInput
from neanelu.harvest.feeds import Feed, Record, Rejected
from neanelu.harvest.importer import Importer, Keys, fold
from neanelu.platform.scratch import Database
from neanelu.settings import Settings, get_settings


def read(data: bytes, kind: str | None = None, **options: Any) -> list[Any]:
    """Return (line, record) and (line, code) of a feed."""
    feed = Feed(io.BufferedReader(io.BytesIO(data)), kind, **options)  # type: ignore[arg-type]
    return [(i.line, i.value if isinstance(i, Record) else i.code) for i in feed.records()]


# --- Files -------------------------------------------------------------------------------------------------


def test_csv_with_inches_line_feeds_and_broken_lines() -> None:
    text = (
        'Id;Denumire;Preţ\r\n1;Monitor 24" negru;1.234,5\r\n2;"două\r\nrânduri";5\r\n3;a;b;c\r\n\r\n'
        '4;"deschis;5\r\n5;ok;6\r\n6;"a ""b"" c";\r\n'
    )
    assert read(text.encode("cp1250")) == [
        (2, {"Id": "1", "Denumire": 'Monitor 24" negru', "Preţ": "1.234,5"}),
        (3, {"Id": "2", "Denumire": "două\r\nrânduri", "Preţ": "5"}),
        (5, "NG104"),
        (7, {"Id": "4", "Denumire": '"deschis', "Preţ": "5"}),
        (8, {"Id": "5", "Denumire": "ok", "Preţ": "6"}),
        (9, {"Id": "6", "Denumire": 'a "b" c'}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_header(delimiter: str) -> None:
    data = delimiter.join(["id", '"a,b;c"', "name"]) + "\n" + delimiter.join(["1", "2", "3"])
    assert read(data.encode()) == [(2, {"id": "1", "a,b;c": "2", "name": "3"})]


def test_bytes_that_are_no_text_cost_their_record() -> None:
    good = "".join(f"{n},ăîșț\n" for n in range(3000)).encode()
    data = b"\xef\xbb\xbfid,name\n" + good + b"x,\xff\xfe\ny,a\x00b\nz,ok\n"
    found = read(data)
    assert len(found) == 3003
    assert found[-3:] == [(3002, "NG102"), (3003, "NG103"), (3004, {"id": "z", "name": "ok"})]


def test_json_lines() -> None:
    lines = [
        b'{"id": 1}', b"not json",
        b"[1]", b'{"id": 2, "x": "\\u0000"}', b'{"id": 3, "x": "\\ud800"}', b"", b'{"id": "\\\\u0000"}',
        b'{"id": 4, "x": "' + b"y" * 5000 + b'"}', b'{"id": 5',
    ]  # fmt: skip
    assert read(b"\n".join(lines), max_bytes=4096) == [
        (1, {"id": 1}),
        (2, "NG101"), (3, "NG107"), (4, "NG103"), (5, "NG101"), (7, {"id": "\\u0000"}), (8, "NG105"), (9, "NG101"),
    ]  # fmt: skip


XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rss [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;"><!ENTITY file SYSTEM "file:///etc/passwd">]>
<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>shop</title>
<item><g:id>1</g:id><title><![CDATA[A </item> B & C]]></title><!-- <item> --><g:price>5 EUR</g:price></item>
<item><g:id>2</g:id><title>&lol2;&file;</title></item>
<item><g:id>3</g:id><title>a & b</title></item>
<item><g:id>4</g:id><title>never closed</title>
<item a="&gt;"><g:id>5</g:id><p n="x">1</p><p n="y">2</p><empty/></item>
<item id="6"/>
</channel></rss><item><g:id>7</g:id>"""


def test_xml_is_read_record_by_record_without_entities() -> None:
    assert read(XML) == [
        (4, {"id": "1", "title": "A </item> B & C", "price": "5 EUR"}),
        (5, "NG101"),
        (6, "NG101"),
        (7, "NG101"),
        (8, {"@a": ">", "id": "5", "p": [{"@n": "x", "#text": "1"}, {"@n": "y", "#text": "2"}]}),
        (9, {"@id": "6"}),
        (10, "NG108"),
    ]


def test_xml_records_beyond_a_chunk_and_beyond_the_limit() -> None:
    small = b"".join(b"<p><id>%d</id><d>%s</d></p>\n" % (n, b"x" * (n % 700)) for n in range(3000))
    found = read(
        b"<shop>\n" + small + b"<p><id>big</id>" + b"y" * 70_000 + b"</p><p><id>last</id></p></shop>",
        max_bytes=65_536,
    )
    assert [line for line, _ in found] == [*range(2, 3002), 3002, 3002]
    assert [value["id"] for _, value in found[:3000]] == [str(n) for n in range(3000)]
    assert [value for _, value in found[3000:]] == ["NG105", {"id": "last"}]


def test_gzip_that_ends_in_the_middle_gives_what_came_before() -> None:
    data = gzip.compress(b"id,name\n1,x\n2,y\n")
    assert read(data) == [(2, {"id": "1", "name": "x"}), (3, {"id": "2", "name": "y"})]
    assert read(data[:-6]) == [(2, {"id": "1", "name": "x"}), (3, {"id": "2", "name": "y"}), (1, "NG108")]


@pytest.mark.parametrize("data", [b"", b"[{}]", b"<a>text</a>"])
def test_what_is_no_feed_is_said(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(data)
    assert caught.value.code == "NG011"


@examples(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"])), min_size=3, max_size=3),
        max_size=20,
    )
)
def test_what_a_csv_writer_writes_is_what_is_read(rows: list[list[str]]) -> None:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["id", "a", "b"])
    writer.writerows([["k" + row[0], *row[1:]] for row in rows])
    found = [value for _, value in read(target.getvalue().encode(), "csv", encoding="utf-8", delimiter=",")]
    assert [v.get("id") for v in found] == ["k" + row[0] for row in rows]
    assert [v.get("a", "") for v in found] == [row[1] if row[1].strip() else "" for row in rows]


@examples(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["csv", "jsonl", "xml"]))
def test_no_file_breaks_the_reader(data: bytes, kind: str) -> None:
    prefix = {"csv": b"id,name\n", "jsonl": b'{"id": 1}\n', "xml": b"<r><item><id>1</id></item>"}[kind]
    feed = Feed(io.BufferedReader(io.BytesIO(prefix + data)), kind, max_bytes=1024, item="item")  # type: ignore[arg-type]
    for item in feed.records():
        if isinstance(item, Record):
            json.dumps(item.value).encode()
            assert "\0" not in str(item.value)
        else:
            assert item.code.startswith("NG1") and item.line > 0


def test_keys() -> None:
    assert fold("g:Product ID") == "productid"
    assert Keys({}).of({"Name": "x", "EAN": "1", "SKU": " s "}) == "s"
    assert Keys({"id": ["Cod", "EAN"]}).of({"Name": "x", "EAN": 590, "SKU": "s", "Cod": ""}) == "590"
    assert Keys({}).of({"name": "x", "id": {"#text": "7", "@a": "b"}}) == "7"
    assert Keys({}).of({"name": "x", "id": None, "sku": True}) is None


# --- Into the database -------------------------------------------------------------------------------------


class Imports:
    """Imports into a source of a database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.db = psycopg.connect(database.dsn(), autocommit=True, row_factory=dict_row)
        self.db.execute("DELETE FROM neanelu.prod_raw_harvest; DELETE FROM neanelu.prod_sources")
        row = self.db.execute("SELECT harvest.register_source('acme', 'SUPPLIER') AS id").fetchone()
        assert row is not None
        self.source: UUID = row["id"]

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return self.db.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def run(self, data: bytes, name: str = "feed", dry_run: bool = False, **options: Any) -> dict[str, Any]:
        """Import bytes; return the report without what differs every time."""
        (self.folder / name).write_bytes(data)
        arguments: dict[str, Any] = {
            "kind": None,
            "mapping": {},
            "item": None,
            "delimiter": None,
            "encoding": None,
        } | options
        made = Importer(
            str(self.folder / name),
            "acme",
            arguments["kind"],
            arguments["mapping"],
            arguments["item"],
            arguments["delimiter"],
            arguments["encoding"],
            Settings(_env_file=None),  # type: ignore[call-arg]
            dsn=self.database.dsn("neanelu_harvester"),
            operator_dsn=self.database.dsn("neanelu_operator"),
        )
        report = made.run(dry_run=dry_run, quiet=True)
        return {
            name: report[name] for name in ("records", "stored", "unchanged", "superseded", "quarantined")
        }


@pytest.fixture
def imports(module_db: Database, tmp_path: Path) -> Iterator[Imports]:
    made = Imports(module_db, tmp_path)
    yield made
    made.db.close()


CSV = b"id,name,ean\n1,Ceas,4006381333931\n2,Bratara,\n,fara cheie,\n1,Ceas nou,4006381333931\n3,a,b,c\n"


def test_accounts_of_an_import_add_up(imports: Imports) -> None:
    assert imports.run(CSV, dry_run=True) == {
        "records": 5,
        "stored": 0,
        "unchanged": 0,
        "superseded": 0,
        "quarantined": 2,
    }
    assert imports.rows("SELECT * FROM neanelu.harvest_imports") == []
    assert imports.run(CSV) == {"records": 5, "stored": 2, "unchanged": 0, "superseded": 1, "quarantined": 2}
    assert imports.run(CSV) == {"records": 5, "stored": 0, "unchanged": 2, "superseded": 1, "quarantined": 2}
    changed = CSV.replace(b"Bratara", b"Bratara noua")
    assert imports.run(changed)["stored"] == 1
    (first, *_) = imports.rows(
        "SELECT id, status, file_name, file_format FROM neanelu.harvest_imports ORDER BY id"
    )
    assert (first["status"], first["file_name"], first["file_format"]) == ("completed", "feed", "csv")
    errors = imports.rows(
        "SELECT line_number, error_code, raw FROM neanelu.harvest_errors WHERE import_id = %s ORDER BY 1",
        first["id"],
    )
    assert [(e["line_number"], e["error_code"]) for e in errors] == [(4, "NG106"), (6, "NG104")]
    assert bytes(errors[1]["raw"]) == b"3,a,b,c\n"
    imports.rows("SELECT harvest.extract_structured()")
    titles = imports.rows(
        "SELECT extracted_specs ->> 'title' AS t FROM neanelu.prod_extraction_sessions ORDER BY id"
    )
    assert [row["t"] for row in titles] == ["Bratara", "Ceas nou", "Bratara noua"]


def test_a_mapping_is_kept_and_says_what_names_mean(imports: Imports) -> None:
    imports.run(b"Cod;Denumire\nA1;Ceas\n", mapping={"id": ["Cod"], "title": ["Denumire"]})
    (source,) = imports.rows("SELECT config FROM neanelu.prod_sources")
    assert source["config"] == {"mapping": {"id": ["Cod"], "title": ["Denumire"]}}
    assert imports.run(b"Cod;Denumire\nA2;Bratara\n", "again")["stored"] == 1
    imports.rows("SELECT harvest.extract_structured()")
    found = imports.rows(
        "SELECT extracted_specs AS s FROM neanelu.prod_extraction_sessions ORDER BY id DESC LIMIT 2"
    )
    assert sorted(row["s"]["title"] for row in found) == ["Bratara", "Ceas"]


def test_a_failed_import_says_why_and_leaves_no_half_batch(imports: Imports) -> None:
    imports.rows("SELECT harvest.set_source(%s, '{\"is_active\": false}')", imports.source)
    with pytest.raises(InvalidInput) as caught:
        imports.run(CSV)
    assert caught.value.code == "NG003"
    assert imports.rows("SELECT FROM neanelu.prod_raw_harvest") == []


def test_the_commands(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEANELU_DATABASE_URL", imports.database.dsn())
    get_settings.cache_clear()
    runner = CliRunner()

    def call(*arguments: str, code: int = 0) -> Any:
        done = runner.invoke(main, [*arguments, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    try:
        made = call(
            "sources", "add", "shop", "--type", "scraper", "--url", "https://a.example", "--rate", "2"
        )
        assert call("sources", "add", "shop")["id"] == made["id"]
        assert call(
            "sources", "set", "shop", "--trust", "0.8", "--burst", "3", "--config", '{"locale": "ro"}'
        )["changed"]
        call(
            "sources",
            "scraper",
            "set",
            "shop",
            "pages",
            "--pattern",
            "/p/",
            "--field",
            "name=h1",
            "--max-depth",
            "1",
        )
        call("sources", "scraper", "set", "shop", "pages", "--field", "brand=.b", "--rows", "table tr")
        shown = call("sources", "show", "shop")
        assert (shown["trust_score"], shown["rate_limit"]) == (
            "0.80",
            {"requests_per_second": 2.0, "burst": 3},
        )
        assert shown["scrapers"][0]["selectors"] == {
            "fields": {"name": "h1", "brand": ".b"},
            "attributes": {"rows": "table tr"},
        }
        added = call("harvest", "add", "shop", "https://a.example/p/1", "https://b.example/p/1")
        assert (added["enqueued"], added["refused"]) == (1, 1)
        assert call("harvest", "queue", "--source", "shop")[0]["url"] == "https://a.example/p/1"
        feed = imports.folder / "f.csv"
        feed.write_bytes(CSV)
        report = call("harvest", "import", str(feed), "--source", "acme", code=1)
        assert (report["stored"], report["quarantined"]) == (2, 2)
        assert len(call("harvest", "errors", report["import_id"])) == 2
        assert call("harvest", "imports")[0]["id"] == report["import_id"]
        assert call("harvest", "import", str(feed), "--source", "nobody", code=2)["error"]["code"] == "NG002"
        assert call("sources", "set", "shop", "--trust", "0.8", "--inactive")["changed"]
        assert {row["name"] for row in call("sources", "list")} == {"acme", "shop"}
        assert call("sources", "scraper", "list")[0]["pending"] == 1
    finally:
        get_settings.cache_clear()


def test_rejected_bytes_are_kept_as_they_were() -> None:
    kept = Rejected.of(1, "NG101", "x", b"\xff" * 100_000)
    assert (kept.raw, kept.size) == (b"\xff" * 65_536, 100_000)
