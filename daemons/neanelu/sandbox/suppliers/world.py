"""The world as it is: true products, in families that differ in one attribute, and the products of the sandbox's shops.

A world is a function of its spec and of nothing else. What is random about a product follows from the seed and its key,
so a larger world begins with the products of a smaller one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from neanelu.sandbox.generator import Shop, ShopSpec, gtin_check_digit
from neanelu.sandbox.suppliers.goods import KINDS, Kind

BRANDS: Final = (
    "Voltaro", "Kestrel", "Polaris", "Nordika", "Fjordline", "Brightwell", "Kaizen", "Hanok", "Formosa", "Timiș Audio",
    "Cluj Tech", "Redwood", "Halden & Co", "Bluepeak", "Danubia", "Škola",
)  # fmt: skip
LINES: Final = (
    "Aero", "Basic", "City", "Delta", "Elite", "Flex", "Home", "Ion", "Lite", "Motion", "Nova", "Orbit", "Prime",
    "Quiet", "Studio", "Terra", "Urban", "Vario",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """What a world consists of.

    Attributes:
        seed: worlds of the same spec are equal to the byte.
        products: how many are made up.
        shops: sandbox shops whose products of the same kinds are part of the world, too.
    """

    seed: int = 1
    products: int = 300
    shops: tuple[ShopSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is.

    Attributes:
        key: of the world, never told to anybody.
        kind: what it is.
        family: key that it shares with its sisters, which differ in one attribute.
        line: name of the series.
        model: what titles and labels say.
        gtin: 13 digits (or 8, of some products of shops).
        price: cents of RON.
        attributes: true values by code, in the attribute's own unit.
        title: where a shop gave it one; else each supplier makes it.
        gid: of the shop's product it is, where it is one.
        shop: its domain.
    """

    key: str
    kind: Kind
    family: str
    brand: str
    line: str
    model: str
    mpn: str
    gtin: str
    price: int
    attributes: dict[str, Any]
    title: str | None = None
    gid: str | None = None
    shop: str | None = None

    def as_truth(self) -> dict[str, Any]:
        """Return it for programs that measure."""
        return {
            "key": self.key,
            "kind": self.kind.code,
            "category": f"gid://shopify/TaxonomyCategory/{self.kind.category}",
            "family": self.family,
            "brand": self.brand,
            "model": self.model,
            "mpn": self.mpn,
            "gtin": self.gtin.zfill(14),
            "price": self.price / 100,
            "attributes": self.attributes,
            "shop": self.shop,
            "gid": self.gid,
        }


@dataclass(frozen=True, slots=True)
class World:
    """All true products of a spec, in a fixed order."""

    spec: WorldSpec
    products: tuple[Product, ...] = field(repr=False)

    @classmethod
    def of(cls, spec: WorldSpec) -> World:
        """Return the world of a spec."""
        made = [product for shop in spec.shops for product in _of_shop(spec.seed, shop)]
        return cls(spec, (*made, *_made_up(spec.seed, spec.products)))


def folded(text: str) -> str:
    """Return a text in lower-case ASCII letters and digits alone."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", plain)


def _made_up(seed: int, count: int) -> Iterator[Product]:
    """Yield products of one to three sisters each."""
    number = family = 0
    while number < count:
        rng = Random(f"{seed}:family:{family}")  # noqa: S311
        kind = KINDS[family % len(KINDS)]
        brand = rng.choice(BRANDS)
        line = rng.choice(LINES)
        # 7919 is prime to 9000: no two of 9,000 families have the same number.
        again = f"{family // 9000}" if family >= 9000 else ""
        base = f"{kind.letters}{folded(brand)[0].upper()}{1000 + family * 7919 % 9000}{again}"
        shared = {attribute.code: attribute.draw(rng) for attribute in kind.attributes}
        price = rng.randint(kind.price[0] // 100, kind.price[1] // 100) * 100 - 1
        differing = next(one for one in kind.attributes if one.code == kind.differs)
        values: list[Any] = []
        for _ in range(8):
            value = differing.draw(rng)
            if value not in values:
                values.append(value)
        sisters = values[: rng.choice((1, 1, 1, 2, 2, 3))]
        for position, value in enumerate(sisters):
            if number >= count:
                return
            suffix = _suffix(value)
            digits = f"594{seed % 900 + 100:03d}{number:06d}"
            yield Product(
                key=f"P{seed:02d}{number:06d}",
                kind=kind,
                family=f"F{seed:02d}{family:06d}",
                brand=brand,
                line=line,
                model=f"{base}{suffix}" if len(sisters) > 1 else base,
                mpn=f"{folded(brand)[:3].upper()}-{base}-{suffix}",
                gtin=f"{digits}{gtin_check_digit(digits)}",
                price=price + position * 2000,
                attributes=shared | {kind.differs: value},
            )
            number += 1
        family += 1


def _suffix(value: Any) -> str:
    """Return what a model number says of the value in which sisters differ."""
    if isinstance(value, str):
        return value[:3].upper()
    return f"{value:g}".replace(".", "")


def _of_shop(seed: int, spec: ShopSpec) -> Iterator[Product]:
    """Yield the shop's products of our kinds whose first variant has a barcode, with the facts that the shop tells."""
    kinds = {noun: kind for kind in KINDS for noun in kind.shop_nouns}
    for number, made in enumerate(Shop(spec).objects("products")):
        kind = next((kind for noun, kind in kinds.items() if made["title"].startswith(f"{noun} ")), None)
        first = made["variants"][0]
        if kind is None or not first["barcode"] or not first["sku"]:
            continue
        rng = Random(f"{seed}:{spec.domain}:{spec.seed}:{number}")  # noqa: S311
        attributes = {attribute.code: attribute.draw(rng) for attribute in kind.attributes}
        measured = first["inventoryItem"]["measurement"]["weight"]
        grams = measured["value"] * (1000 if measured["unit"] == "KILOGRAMS" else 1)
        if "weight" in attributes:
            attributes["weight"] = round(grams / 1000, 3)
        model = made["handle"].rsplit("-", 2)[-2].upper()
        yield Product(
            key=f"S{spec.seed:03d}{number:06d}",
            kind=kind,
            family=f"S{spec.seed:03d}{number:06d}",
            brand=made["vendor"],
            line="",
            model=model,
            mpn=f"{folded(made['vendor'])[:3].upper()}-{model}",
            gtin=first["barcode"],
            price=round(float(first["price"]) * 100),
            attributes=attributes,
            title=made["title"],
            gid=made["id"],
            shop=spec.domain,
        )
