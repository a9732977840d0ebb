"""What a page says about products: JSON-LD, microdata, RDFa, OpenGraph and CSS selectors, each field with its evidence.

Runs in the reader's process (reader.py), which may be killed: pages are hostile until proven otherwise. Scripts never run.
"""

from __future__ import annotations

import hashlib
import html as markup
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import lxml.html  # type: ignore[import-untyped]
from extruct.jsonld import JsonLdExtractor  # type: ignore[import-untyped]
from extruct.opengraph import OpenGraphExtractor  # type: ignore[import-untyped]
from extruct.w3cmicrodata import MicrodataExtractor  # type: ignore[import-untyped]
from lxml import etree

from neanelu.harvest.text import clean_json

_PRODUCT: Final = re.compile(
    r"(^|[/:#])(Product|IndividualProduct|ProductModel|SomeProducts|ProductGroup|Vehicle|Car)$"
)
#: Strongest evidence first.
_ORDER: Final = ("json-ld", "microdata", "rdfa", "selector", "opengraph")
#: Members by which a product is known at its source, best first.
_KEYS: Final = ("sku", "productID", "gtin14", "gtin13", "gtin12", "gtin", "gtin8", "mpn")
_OPENGRAPH: Final = {
    "og:title": "name", "og:description": "description", "og:image": "image", "og:url": "url",
    "product:brand": "brand", "og:brand": "brand", "product:category": "category",
    "product:retailer_item_id": "sku", "product:mfr_part_no": "mpn", "product:gtin": "gtin",
    "product:ean": "gtin13", "product:upc": "gtin12", "product:isbn": "isbn", "product:color": "color",
    "product:material": "material", "product:size": "size", "product:pattern": "pattern",
    "product:weight:value": "weight", "product:manufacturer": "manufacturer", "og:locale": "inLanguage",
}  # fmt: skip
_PRICES: Final = (("product:price", "product"), ("product:sale_price", "product"), ("og:price", "og"))
#: Products of one page that are taken; a page with more is a list.
MAX_PRODUCTS: Final = 200
MAX_LINKS: Final = 5000
MAX_NODES: Final = 400_000
#: RDFa is read by a library that takes its time: of longer pages not.
RDFA_NODES: Final = 10_000
_SCHEMA: Final = re.compile(r"^https?://schema\.org/")
#: Records of one JSON answer that are taken; more are a feed.
MAX_RECORDS: Final = 5000
#: Names under which APIs list products, and members that only a product itself has.
_LISTS: Final = frozenset(
    ("products", "items", "results", "records", "data", "entries", "hits", "nodes", "list")
)
_NAMES: Final = frozenset(("name", "title", "sku", "gtin", "ean", "mpn", "brand", "price"))
#: Members by which records of a JSON answer are told apart, best first.
_RECORD_KEYS: Final = (
    "sku",
    "productid",
    "product_id",
    "id",
    "code",
    "gtin14",
    "gtin13",
    "gtin",
    "ean",
    "mpn",
    "handle",
)
_INVISIBLE: Final = frozenset(("script", "style", "noscript", "template", "svg", "head"))


@dataclass(slots=True)
class Product:
    """A product of a page: schema.org members, and what each rests on."""

    members: dict[str, Any]
    evidence: dict[str, str]

    @property
    def key(self) -> str | None:
        """Return the product's key at its source, or None."""
        for name in _KEYS:
            value = self.members.get(name)
            if isinstance(value, str | int) and str(value).strip():
                return str(value).strip()[:255]
        return None

    @property
    def url(self) -> str | None:
        """Return the address that it says it has, or None."""
        value = self.members.get("url")
        return value if isinstance(value, str) else None

    def fill(self, other: Product) -> None:
        """Take from another reading of the same product what this one lacks."""
        for name, value in other.members.items():
            if name not in self.members:
                self.members[name] = value
                self.evidence[name] = other.evidence[name]


@dataclass(slots=True)
class Page:
    """What was read in a page; `is_way`: it asks not to be indexed itself, as lists do, and only leads to others."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    hash: str = ""
    is_way: bool = False


#: What a page says of itself to robots.
_ROBOTS: Final = "//meta[translate(@name, 'ROBTS', 'robts') = 'robots']/@content"


class TooComplex(Exception):
    """The page has more elements than anybody would read."""


def normal_url(url: str) -> str:
    """Return a URL without fragment, host in lower case, without the scheme's own port; '' when it is none."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
        port = parts.port
    except (ValueError, UnicodeError):
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host:
        return ""
    scheme = parts.scheme.lower()
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}[scheme]
    place = host if port in (None, default) else f"{host}:{port}"
    path = re.sub(r"[^\x21-\x7e]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), parts.path or "/")
    query = re.sub(r"[^\x21-\x7e]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), parts.query)
    return urlunsplit((scheme, place, path, query, ""))


def read_page(html: str, url: str, selectors: Mapping[str, Any], pagination: Mapping[str, Any]) -> Page:
    """Return the products and links of a page.

    Args:
        html: decoded.
        url: where it came from, after redirections.
        selectors: {"links": css, "fields": {name: css}, "attributes": {"rows", "name", "value"}} or empty.
        pagination: {"selector": css} or empty.

    Raises:
        TooComplex: there are more elements than MAX_NODES.
    """
    page = Page()
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False, remove_pis=True)
        tree = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        page.hash = _digest(html)
        return page
    if int(tree.xpath("count(//*)")) > MAX_NODES:
        raise TooComplex(f"more than {MAX_NODES} elements")
    base = _base(tree, url)
    canonical = _canonical(tree, base)
    found = {
        "json-ld": list(_safely(_json_ld, tree)),
        "microdata": list(_safely(_microdata, tree, base)),
        "rdfa": [],
        "selector": list(_selected(tree, selectors)),
        "opengraph": list(_safely(_open_graph, tree)),
    }
    if not found["json-ld"] and not found["microdata"]:
        found["rdfa"] = _rdfa(tree, html, base)
    products = _merge(found)
    links = set(_links(tree, base, selectors, pagination))
    products = _own(products, url, canonical, base, links)
    page.links = sorted(links - {url})[:MAX_LINKS]
    text = " ".join(_visible(tree))
    page.documents = _documents(products, url, tree, text)
    page.hash = _digest(text)
    page.is_way = not page.documents and any("noindex" in told.lower() for told in tree.xpath(_ROBOTS))
    return page


# --- Reading ----------------------------------------------------------------------------------------------


def _safely(read: Any, *arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield what a reader finds until it stumbles: broken markup of one kind does not spoil the others."""
    try:
        yield from read(*arguments)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, LookupError):
        return


def _base(tree: Any, url: str) -> str:
    """Return what relative addresses are relative to."""
    href = tree.xpath("string((//base/@href)[1])").strip()
    return urljoin(url, href) if href else url


def _canonical(tree: Any, base: str) -> str:
    href = tree.xpath("string((//link[@rel='canonical']/@href)[1])").strip()
    try:
        return normal_url(urljoin(base, href)) if href else ""
    except ValueError:
        return ""


def _types(item: Mapping[str, Any]) -> list[str]:
    value = item.get("@type")
    return [t for t in (value if isinstance(value, list) else [value]) if isinstance(t, str)]


def _is_product(item: Mapping[str, Any]) -> bool:
    return any(_PRODUCT.search(name.strip()) for name in _types(item))


def _walk(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the products in a JSON-LD value, not those inside of products."""
    if depth > 12:
        return
    if isinstance(value, list):
        for member in value:
            yield from _walk(member, depth + 1)
    elif isinstance(value, dict):
        if _is_product(value):
            yield from _variants(value)
        else:
            for name, member in value.items():
                if isinstance(member, dict | list) and name not in ("isRelatedTo", "isSimilarTo", "review"):
                    yield from _walk(member, depth + 1)


def _variants(product: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a product, or the variants of a group with what the group says of all of them."""
    variants = product.get("hasVariant")
    variants = [v for v in (variants if isinstance(variants, list) else [variants]) if isinstance(v, dict)]
    if not variants:
        yield product
        return
    shared = {
        k: v for k, v in product.items() if k not in ("hasVariant", "@type", "@id", "url", "productGroupID")
    }
    for variant in variants:
        yield {**shared, **variant}


def _json_ld(tree: Any) -> Iterator[dict[str, Any]]:
    extractor = JsonLdExtractor()
    for node in tree.xpath("//script[contains(translate(@type, 'LDJSON', 'ldjson'), 'ld+json')]"):
        try:
            values = list(extractor._extract_items(node))
        except (ValueError, RecursionError):
            continue
        yield from _walk(clean_json(values))


def _plain_microdata(item: Any, depth: int = 0) -> Any:
    """Return an item of extruct in the shape of JSON-LD."""
    if isinstance(item, list):
        return [_plain_microdata(member, depth) for member in item]
    if not isinstance(item, dict) or depth > 12:
        return item if isinstance(item, str | int | float) else None
    if "properties" not in item and "type" not in item:
        return item.get("value")
    kind = item.get("type")
    made = {name: _plain_microdata(value, depth + 1) for name, value in item.get("properties", {}).items()}
    if kind:
        kinds = kind if isinstance(kind, list) else [kind]
        made["@type"] = [str(k).rstrip("/").rpartition("/")[2] for k in kinds]
    elif item.get("value") and not made:
        return item["value"]
    return made


def _microdata(tree: Any, base: str) -> Iterator[dict[str, Any]]:
    if not tree.xpath("boolean(//*[@itemscope])"):
        return
    for item in MicrodataExtractor().extract_items(tree, base):
        yield from _walk(clean_json(_plain_microdata(item)))


def _rdfa(tree: Any, html: str, base: str) -> list[dict[str, Any]]:
    """Return the products that a page tells of in RDFa, in the shape of JSON-LD, in the order of their names in the page."""
    if not tree.xpath("boolean(//*[contains(@typeof, 'Product')])"):
        return []
    if int(tree.xpath("count(//*)")) > RDFA_NODES:
        return []
    from extruct.rdfa import RDFaExtractor  # type: ignore[import-untyped]
    from extruct.utils import parse_xmldom_html  # type: ignore[import-untyped]

    try:
        document = parse_xmldom_html(html.encode("utf-8", "replace"), encoding="utf-8")
        nodes = {str(node["@id"]): node for node in RDFaExtractor().extract_items(document, base_url=base)}
        products = [node for node in nodes.values() if _is_product(node)]
        inner: set[str] = set()
        words = markup.unescape(html)
        read = [(str(node["@id"]), _plain_rdfa(node, nodes, words, inner)) for node in products]
    except Exception:  # of several libraries: broken markup of one kind does not spoil the others
        return []
    found = [made for place, made in read if place not in inner]
    found.sort(key=lambda made: _place(made.get("name"), words))
    return [item for made in clean_json(found) for item in _walk(made)]


def _place(value: Any, html: str) -> tuple[int, str]:
    """Return where a value stands in the page: what RDFa tells has no order."""
    text = value if isinstance(value, str) else _canonical_json(value)
    place = html.find(text)
    return (place if place >= 0 else len(html), text)


def _plain_rdfa(
    node: Mapping[str, Any], nodes: Mapping[str, Any], html: str, inner: set[str], path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a node with the nodes that it refers to inside; their ids are added to `inner`."""
    here = (*path, str(node["@id"]))
    made: dict[str, Any] = {"@type": [name.rpartition("/")[2] for name in _types(node)]}
    for predicate, values in node.items():
        if not _SCHEMA.match(predicate):
            continue
        plain: list[Any] = []
        for value in values if isinstance(values, list) else [values]:
            target = str(value.get("@id", "")) if isinstance(value, dict) else ""
            if not target:
                plain.append(value.get("@value") if isinstance(value, dict) else value)
            elif target in nodes and target not in here and len(here) < 6:
                inner.add(target)
                plain.append(_plain_rdfa(nodes[target], nodes, html, inner, here))
            elif not target.startswith("_:"):
                plain.append(target)
        plain.sort(key=lambda value: _place(value, html))
        made[_SCHEMA.sub("", predicate)] = plain[0] if len(plain) == 1 else plain
    return made


def _open_graph(tree: Any) -> Iterator[dict[str, Any]]:
    for item in OpenGraphExtractor().extract_items(tree):
        said: dict[str, str] = {}
        for name, value in item["properties"]:
            if isinstance(value, str) and value.strip():
                said.setdefault(name.strip().lower(), value.strip())
        priced = [prefix for prefix, _ in _PRICES if f"{prefix}:amount" in said]
        if not (priced or said.get("og:type", "").lower() in ("product", "og:product", "product.item")):
            continue
        made: dict[str, Any] = {"@type": "Product"}
        for name, value in said.items():
            if name in _OPENGRAPH:
                made.setdefault(_OPENGRAPH[name], value)
        if priced:
            offer = {"price": said[f"{priced[0]}:amount"], "priceCurrency": said.get(f"{priced[0]}:currency")}
            made["offers"] = {k: v for k, v in offer.items() if v}
        if "product:weight:units" in said and "weight" in made:
            made["weight"] = {"value": made["weight"], "unitText": said["product:weight:units"]}
        yield clean_json(made)
        return


def _text(element: Any) -> str:
    if isinstance(element, str):
        return " ".join(element.split())
    for name in ("content", "datetime", "src", "href"):
        if element.tag in ("meta", "time", "img", "link") and element.get(name):
            return str(element.get(name)).strip()
    return " ".join(str(element.text_content()).split())


def _selected(tree: Any, selectors: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield at most one product: what the scraper's selectors say."""
    made: dict[str, Any] = {}
    fields = selectors.get("fields")
    for name, css in (fields if isinstance(fields, dict) else {}).items():
        values = [text for text in map(_text, tree.cssselect(str(css))[:50]) if text]
        if values:
            made[name] = values[0] if len(values) == 1 else values
    rows = selectors.get("attributes")
    if isinstance(rows, dict) and rows.get("rows"):
        pairs = []
        for row in tree.cssselect(str(rows["rows"]))[:500]:
            name = row.cssselect(str(rows.get("name", "th")))
            value = row.cssselect(str(rows.get("value", "td")))
            if name and value and _text(name[0]) and _text(value[-1]):
                pairs.append({"name": _text(name[0]).rstrip(":"), "value": _text(value[-1])})
        if pairs:
            made["additionalProperty"] = pairs
    if made:
        yield clean_json({"@type": "Product", **made})


# --- Putting together -------------------------------------------------------------------------------------


def _name(product: Product) -> str:
    value = product.members.get("name")
    return " ".join(value.lower().split()) if isinstance(value, str) else ""


def _merge(found: Mapping[str, list[dict[str, Any]]]) -> list[Product]:
    """Return the products that several readings tell of, each once, strongest reading first."""
    merged: list[Product] = []
    for kind in _ORDER:
        read = [
            Product({k: v for k, v in item.items() if v not in (None, "", [], {})}, dict.fromkeys(item, kind))
            for item in found[kind][:MAX_PRODUCTS]
        ]
        if len(read) == 1 and len(merged) == 1:
            merged[0].fill(read[0])
            continue
        # A page's own words about "the product" cannot be given to one of several.
        known = {k: p for p in merged for k in (p.key, _name(p)) if k}
        for product in read:
            twin = next((known[k] for k in (product.key, _name(product)) if k and k in known), None)
            if twin is not None:
                twin.fill(product)
            elif kind in ("json-ld", "microdata", "rdfa") or not merged:
                merged.append(product)
    return merged


def _own(products: list[Product], url: str, canonical: str, base: str, links: set[str]) -> list[Product]:
    """Return the products that this page is about; those that have pages of their own become links where links are wanted."""
    here = {address.partition("?")[0].rstrip("/") for address in (normal_url(url), canonical) if address}
    own: list[Product] = []
    elsewhere: list[tuple[Product, str]] = []
    for product in products:
        try:
            address = normal_url(urljoin(base, product.url)) if product.url else ""
        except ValueError:
            address = ""
        if address and address.partition("?")[0].rstrip("/") not in here:
            elsewhere.append((product, address))
        else:
            own.append(product)
    if len(products) == 1:
        return products
    if own and elsewhere:
        return own
    if links:
        links.update(address for _, address in elsewhere)
        return own
    return products


def _documents(products: list[Product], url: str, tree: Any, text: str) -> list[dict[str, Any]]:
    """Return a document for each product; the first has the page's own URL."""
    language = str(tree.get("lang") or "").strip()[:20]
    title = " ".join(str(tree.xpath("string((//title)[1])")).split())[:500]
    made: list[dict[str, Any]] = []
    taken: set[str] = set()
    for product in products:
        key = product.key
        place = url if not made else f"{url}#{key or len(made)}"
        if place in taken or len(place.encode()) > 2000:
            continue
        taken.add(place)
        if language:
            product.members.setdefault("inLanguage", language)
            product.evidence.setdefault("inLanguage", "json-ld")
        document = {
            "product": product.members,
            "evidence": {k: v for k, v in product.evidence.items() if k in product.members},
            "page": {"url": url, "title": title},
        }
        # The first stands for the page, so that a change of its words is a change.
        known = _canonical_json(product.members) + (text if not made else "")
        made.append(
            {"url": place, "source_product_id": key, "json": clean_json(document), "hash": _digest(known)}
        )
    if made:
        made[0].pop("url")
    return made


# --- JSON ---------------------------------------------------------------------------------------------------


def json_documents(value: Any, url: str) -> list[dict[str, Any]]:
    """Return the documents of a JSON answer: one for each product where it lists several, else the answer as it is.

    Args:
        value: clean.
        url: where it came from; the first document has the answer's own URL.

    Raises:
        TooComplex: there are more records than MAX_RECORDS.
    """
    records = list(_walk(value)) if _is_linked(value) else _records(value)
    if not records or (len(records) == 1 and _is_linked(value)):
        return [{"json": value}]
    if len(records) > MAX_RECORDS:
        raise TooComplex(f"more than {MAX_RECORDS} records: a feed, for neanelu harvest import")
    keys = _record_keys(records)
    made = [
        {"url": f"{url}#{key or place}", "source_product_id": key, "json": record, "hash": _digest(_canonical_json(record))}
        for place, (record, key) in enumerate(zip(records, keys, strict=True))
    ]  # fmt: skip
    made[0].pop("url")
    return [one for one in made if len(str(one.get("url", "")).encode()) <= 2000]


def _is_linked(value: Any) -> bool:
    """Return whether a value is JSON-LD."""
    members = value if isinstance(value, list) else [value]
    return any(
        isinstance(one, dict) and not {"@context", "@graph", "@type"}.isdisjoint(one) for one in members
    )


def _records(value: Any, depth: int = 0) -> list[dict[str, Any]]:
    """Return the objects that a JSON value lists; of an object that is a product itself none."""
    if isinstance(value, list):
        return list(value) if value and all(isinstance(one, dict) and one for one in value) else []
    if not isinstance(value, dict) or depth > 3 or not _NAMES.isdisjoint(name.lower() for name in value):
        return []
    known = [member for name, member in value.items() if name.lower() in _LISTS]
    for member in known or value.values():
        if records := _records(member, depth + 1):
            return records
    return []


def _record_keys(records: list[dict[str, Any]]) -> list[str | None]:
    """Return the keys of records by the first member that tells all of them apart; without such a member none."""
    folded = [{name.lower(): member for name, member in record.items()} for record in records]
    for name in _RECORD_KEYS:
        keys = [
            str(record[name]).strip()[:255]
            for record in folded
            if isinstance(record.get(name), str | int) and not isinstance(record[name], bool)
        ]
        if len(set(keys) - {""}) == len(records):
            return list(keys)
    return [None] * len(records)


def _canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _visible(tree: Any) -> Iterator[str]:
    """Yield the words that a reader of the page sees, not what changes with every request."""
    hidden: Any = None
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            if hidden is None and (not isinstance(element.tag, str) or element.tag in _INVISIBLE):
                hidden = element
            if hidden is None and element.text:
                yield from element.text.split()
        else:
            if element is hidden:
                hidden = None
            if hidden is None and element.tail:
                yield from element.tail.split()


def _links(
    tree: Any, base: str, selectors: Mapping[str, Any], pagination: Mapping[str, Any]
) -> Iterable[str]:
    """Yield the addresses that the selectors point at; without selectors none."""
    wanted = [str(css) for css in (selectors.get("links"), pagination.get("selector")) if css]
    for css in wanted:
        for element in tree.cssselect(css)[:MAX_LINKS]:
            href = element.get("href")
            if not href or "nofollow" in (element.get("rel") or "").lower():
                continue
            try:
                address = normal_url(urljoin(base, href))
            except ValueError:
                continue
            if address:
                yield address
