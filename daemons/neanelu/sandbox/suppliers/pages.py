"""Pages of the suppliers' sites: a web shop with JSON-LD or microdata, and a catalogue with neither."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import orjson

from neanelu.sandbox.suppliers.suppliers import Record, Supplier

#: Every so many products of the web shop have microdata in the place of JSON-LD.
MICRODATA_EVERY: Final = 4
#: Products that a list of the web shop shows.
PER_PAGE: Final = 20

ROBOTS: Final = """User-agent: *
Disallow: /suppliers/webshop/cart
Disallow: /suppliers/webshop/search
Allow: /suppliers/
"""


def path_of(supplier: Supplier, one: Record) -> str:
    """Return where a product's page is."""
    return f"/suppliers/{supplier.code}/p/{one.id.lower()}"


def listing(supplier: Supplier, said: Sequence[Record], page: int) -> str:
    """Return a list of products with links to them, and to the next list."""
    shown = said[(page - 1) * PER_PAGE : page * PER_PAGE]
    items = "".join(
        f'<li><a class="product" href="{path_of(supplier, one)}">{escape(one.title)}</a> {one.price} {one.currency}</li>\n'
        for one in shown
    )
    following = ""
    if page * PER_PAGE < len(said):
        following = f'<a rel="next" href="/suppliers/{supplier.code}/?page={page + 1}">Next</a>'
    cart = f'<a href="/suppliers/{supplier.code}/cart">Cart</a>'
    head = '\n<meta name="robots" content="noindex, follow">'
    return _page(supplier, f"{supplier.title}, page {page}", f"<ul>\n{items}</ul>\n{following} {cart}", head)


def product_page(supplier: Supplier, one: Record, number: int, url: str) -> str:
    """Return the page of a product.

    Args:
        supplier: whose page.
        one: what it says.
        number: its place in the catalogue.
        url: of the page.
    """
    if supplier.format == "plain":
        return _plain(supplier, one, number)
    if number % MICRODATA_EVERY == MICRODATA_EVERY - 1:
        return _microdata(supplier, one, url)
    return _json_ld(supplier, one, url)


def _page(supplier: Supplier, title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html>\n<html lang="{supplier.locale}">\n'
        f'<head><meta charset="utf-8"><title>{escape(title)}</title>{head}</head>\n'
        f'<body>\n<header><a href="/suppliers/{supplier.code}/">{escape(supplier.title)}</a></header>\n{body}\n'
        f"<footer>© {escape(supplier.title)}</footer>\n</body>\n</html>\n"
    )


def _json_ld(supplier: Supplier, one: Record, url: str) -> str:
    product: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": url,
        "sku": one.id,
        "name": one.title,
        "brand": {"@type": "Brand", "name": one.brand},
        "category": one.category,
        "description": one.description,
        "model": one.model,
        "url": url,
        "image": [f"{url}.jpg"],
        "offers": {
            "@type": "Offer",
            "price": one.price,
            "priceCurrency": one.currency,
            "availability": "https://schema.org/InStock",
        },
        "additionalProperty": [
            {"@type": "PropertyValue", "name": name, "value": value} for name, value in one.attributes.items()
        ],
    }
    if one.gtin:
        product["gtin"] = one.gtin
    if one.mpn:
        product["mpn"] = one.mpn
    # What stands in a script element must not end it.
    text = orjson.dumps(product).decode().replace("<", "\\u003c")
    body = f"<h1>{escape(one.title)}</h1>\n<p>{escape(one.description)}</p>"
    return _page(supplier, one.title, body, f'\n<script type="application/ld+json">{text}</script>')


def _microdata(supplier: Supplier, one: Record, url: str) -> str:
    rows = "".join(
        '<tr itemprop="additionalProperty" itemscope itemtype="https://schema.org/PropertyValue">'
        f'<th itemprop="name">{escape(name)}</th><td itemprop="value">{escape(value)}</td></tr>\n'
        for name, value in one.attributes.items()
    )
    optional = "".join(
        f'<meta itemprop="{name}" content="{escape(value)}">'
        for name, value in (("gtin13", one.gtin), ("mpn", one.mpn))
        if value
    )
    body = (
        '<main itemscope itemtype="https://schema.org/Product">\n'
        f'<h1 itemprop="name">{escape(one.title)}</h1>\n<link itemprop="url" href="{url}">{optional}\n'
        f'<span itemprop="brand">{escape(one.brand)}</span> <span itemprop="category">{escape(one.category)}</span>\n'
        f'<meta itemprop="sku" content="{one.id}"><meta itemprop="model" content="{escape(one.model)}">\n'
        f'<p itemprop="description">{escape(one.description)}</p>\n'
        '<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        f'<span itemprop="price" content="{one.price}">{one.price}</span>'
        f'<meta itemprop="priceCurrency" content="{one.currency}"></div>\n'
        f"<table>\n{rows}</table>\n</main>"
    )
    return _page(supplier, one.title, body)


def _plain(supplier: Supplier, one: Record, number: int) -> str:
    """Return a page that a person understands: a table, or a few sentences."""
    known = [("Marcă", one.brand), ("Model", one.model), ("Cod producător", one.mpn), ("EAN", one.gtin)]
    facts = [(name, value) for name, value in known if value] + list(one.attributes.items())
    if number % 2 == 0:
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>\n" for name, value in facts)
        told = f"<table>\n{rows}</table>"
    else:
        told = "<p>" + " ".join(f"{escape(name)}: {escape(value)}." for name, value in facts) + "</p>"
    body = (
        f"<h1>{escape(one.title)}</h1>\n<p>{escape(one.description)}</p>\n{told}\n"
        f"<p>Preț: {one.price} {one.currency}</p>"
    )
    return _page(supplier, one.title, body)
