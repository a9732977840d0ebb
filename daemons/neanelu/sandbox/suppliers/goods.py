"""What the sandbox's suppliers sell: kinds of goods, their attributes, and how each language writes them.

A *hand* is a way of writing: `ro` (a Romanian distributor), `en` (an English manufacturer: inches, pounds), `mp` (a
marketplace: Romanian again, other words, small units), `web` (an English web shop, metric).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

HANDS: Final = ("ro", "en", "mp", "web")

Value = Any
Draw = Callable[[Random], Value]


@dataclass(frozen=True, slots=True)
class Measure:
    """How a hand writes a number: what stands behind it, what it is multiplied with, and its decimals."""

    unit: str
    factor: float = 1.0
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of goods.

    Attributes:
        code: its code in the PIM.
        names: by hand.
        draw: draws a true value: number in the attribute's unit, code of an enum, list of codes, bool, or pair (range).
        measures: of numbers and ranges, by hand.
        words: of enums and lists: code -> how each hand says it.
    """

    code: str
    names: dict[str, str]
    draw: Draw
    measures: dict[str, Measure] | None = None
    words: dict[str, dict[str, str]] | None = None


def _names(ro: str, en: str, mp: str, web: str) -> dict[str, str]:
    return {"ro": ro, "en": en, "mp": mp, "web": web}


def _same(measure: Measure) -> dict[str, Measure]:
    return dict.fromkeys(HANDS, measure)


def _pick(*values: Value) -> Draw:
    return lambda rng: rng.choice(values)


def _some(count: int, *values: str) -> Draw:
    return lambda rng: sorted(rng.sample(values, rng.randint(1, count)))


def _between(low: int, high: int, step: float) -> Draw:
    """Return a draw of low × step to high × step."""
    return lambda rng: round(rng.randint(low, high) * step, 6)


def _words(text: str) -> dict[str, dict[str, str]]:
    """Return words by code from lines `code: Romanian | English | marketplace`."""
    found = {}
    for line in text.strip().splitlines():
        code, _, rest = line.strip().partition(":")
        ro, en, *more = (part.strip() for part in rest.split("|"))
        found[code] = {"ro": ro, "en": en, "mp": more[0] if more else ro.lower(), "web": en}
    return found


COLOURS: Final = _words("""
    black: Negru | Black
    white: Alb | White
    grey: Gri | Grey
    silver: Argintiu | Silver
    blue: Albastru | Blue
    red: Roșu | Red | rosu
    green: Verde | Green
    brown: Maro | Brown
    beige: Bej | Beige
""")
MATERIALS: Final = _words("""
    stainless_steel: Oțel inoxidabil | Stainless steel | inox
    plastic: Plastic | Plastic
    glass: Sticlă | Glass | sticla
    bamboo: Bambus | Bamboo
    leather: Piele | Leather
    mesh: Plasă | Mesh | plasa
    fabric: Material textil | Fabric | textil
    aluminium: Aluminiu | Aluminium
""")
PORTS: Final = _words("""
    hdmi: HDMI | HDMI | HDMI
    displayport: DisplayPort | DisplayPort | DisplayPort
    usb_c: USB-C | USB-C | USB-C
    vga: VGA | VGA | VGA
""")
PANELS: Final = _words("""
    ips: IPS | IPS | IPS
    va: VA | VA | VA
    tn: TN | TN | TN
    oled: OLED | OLED | OLED
""")
CONNECTIVITY: Final = _words("""
    bluetooth: Bluetooth | Bluetooth | Bluetooth
    wired: Cu fir | Wired | cu fir
    usb_wireless: USB fără fir | USB wireless | USB fara fir
""")

_KILOGRAMS: Final = {
    "ro": Measure(" kg", 1, 2),
    "en": Measure(" lb", 2.20462262, 2),
    "mp": Measure(" g", 1000),
    "web": Measure(" kg", 1, 2),
}
_CENTIMETRES: Final = {
    "ro": Measure(" cm", 1, 1),
    "en": Measure(" in", 1 / 2.54, 2),
    "mp": Measure(" mm", 10),
    "web": Measure(" cm", 1, 1),
}


def _colour(*codes: str) -> Attribute:
    names = _names("Culoare", "Colour", "Culoare produs", "Colour")
    return Attribute("color", names, _pick(*codes), words=COLOURS)


def _material(*codes: str) -> Attribute:
    names = _names("Material", "Material", "Material principal", "Material")
    return Attribute("material", names, _pick(*codes), words=MATERIALS)


def _weight(low: int, high: int, step: float) -> Attribute:
    names = _names("Greutate", "Weight", "Greutate neta", "Net weight")
    return Attribute("weight", names, _between(low, high, step), measures=_KILOGRAMS)


def _flag(code: str, ro: str, en: str, mp: str, web: str) -> Attribute:
    return Attribute(code, _names(ro, en, mp, web), _pick(True, False))


def _number(code: str, names: dict[str, str], draw: Draw, measures: dict[str, Measure]) -> Attribute:
    return Attribute(code, names, draw, measures=measures)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of goods.

    Attributes:
        code: key.
        category: id in Shopify's product taxonomy.
        names: what a product is called, by hand, as titles have it.
        paths: category as the hand's supplier writes it.
        shop_nouns: nouns of the sandbox's shops that mean this kind.
        letters: what its model numbers begin with.
        price: lowest and highest price in cents of RON.
        told: attributes that a title says.
        differs: attribute in which the members of a family differ.
        attributes: what its products have.
    """

    code: str
    category: str
    names: dict[str, str]
    paths: dict[str, str]
    shop_nouns: tuple[str, ...]
    letters: str
    price: tuple[int, int]
    told: tuple[str, ...]
    differs: str
    attributes: tuple[Attribute, ...]


KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "monitor",
        "el-17-1",
        _names("Monitor", "Monitor", "Monitor PC", "Monitor"),
        _names("Calculatoare > Monitoare", "Computer Monitors", "IT/Monitoare LED", "Electronics > Monitors"),
        (),
        "VX",
        (49900, 299900),
        ("screen_size", "panel_type"),
        "screen_size",
        (
            _number(
                "screen_size",
                _names("Diagonală ecran", "Screen size", "Diagonala", "Display size"),
                _pick(21.5, 23.8, 24, 27, 31.5, 34),
                {
                    "ro": Measure(" cm", 2.54, 1),
                    "en": Measure('"', 1, 1),
                    "mp": Measure(" inch", 1, 1),
                    "web": Measure(" inches", 1, 1),
                },
            ),
            _number(
                "refresh_rate",
                _names("Rată de reîmprospătare", "Refresh rate", "Rata refresh", "Refresh rate"),
                _pick(60, 75, 100, 144, 165, 240),
                _same(Measure(" Hz")),
            ),
            _number(
                "response_time",
                _names("Timp de răspuns", "Response time", "Timp raspuns", "Response time"),
                _pick(1, 2, 4, 5, 8),
                _same(Measure(" ms")),
            ),
            _number(
                "brightness",
                _names("Luminozitate", "Brightness", "Luminozitate maxima", "Brightness"),
                _pick(250, 300, 350, 400, 600),
                _same(Measure(" cd/m²")),
            ),
            Attribute(
                "panel_type",
                _names("Tip panou", "Panel type", "Tip panel", "Panel"),
                _pick(*PANELS),
                words=PANELS,
            ),
            Attribute(
                "ports", _names("Porturi", "Ports", "Conectori", "Ports"), _some(3, *PORTS), words=PORTS
            ),
            _flag("curved", "Ecran curbat", "Curved screen", "Curbat", "Curved"),
            _colour("black", "white", "silver"),
            _weight(24, 90, 0.1),
        ),
    ),
    Kind(
        "headphones",
        "el-2-2-7-1",
        _names("Căști", "Headphones", "Casti audio", "Headphones"),
        _names("Audio > Căști", "Headphones", "Audio/Casti", "Electronics > Headphones"),
        ("Căști wireless", "Wireless Headphones"),
        "HP",
        (9900, 149900),
        ("connectivity",),
        "color",
        (
            Attribute(
                "connectivity",
                _names("Conectivitate", "Connectivity", "Tip conectare", "Connectivity"),
                _pick(*CONNECTIVITY),
                words=CONNECTIVITY,
            ),
            _number(
                "battery_life",
                _names("Autonomie baterie", "Battery life", "Autonomie", "Battery life"),
                _between(10, 60, 1),
                {**_same(Measure(" ore")), "en": Measure(" h"), "web": Measure(" hours")},
            ),
            _number(
                "driver_size",
                _names("Dimensiune difuzor", "Driver size", "Diametru difuzor", "Driver diameter"),
                _pick(10, 30, 40, 50),
                _same(Measure(" mm")),
            ),
            _number(
                "impedance",
                _names("Impedanță", "Impedance", "Impedanta", "Impedance"),
                _pick(16, 24, 32, 64),
                _same(Measure(" Ω")),
            ),
            _flag(
                "noise_cancelling",
                "Anulare zgomot",
                "Noise cancelling",
                "Anularea zgomotului",
                "Active noise cancelling",
            ),
            _colour("black", "white", "blue", "red"),
            _weight(15, 35, 0.01),
        ),
    ),
    Kind(
        "scale",
        "ha-15-36-18-1",
        _names("Cântar de bucătărie", "Kitchen Scale", "Cantar bucatarie digital", "Kitchen Scale"),
        _names("Bucătărie > Cântare", "Digital Scales", "Casa/Cantare", "Kitchen > Scales"),
        (),
        "KS",
        (4900, 29900),
        ("max_load",),
        "color",
        (
            _number(
                "max_load",
                _names("Sarcină maximă", "Maximum load", "Greutate maxima suportata", "Capacity (weight)"),
                _pick(3, 5, 10, 15),
                _KILOGRAMS,
            ),
            _number(
                "graduation",
                _names("Diviziune", "Graduation", "Precizie", "Graduation"),
                _pick(0.1, 0.5, 1, 2),
                _same(Measure(" g", 1, 1)),
            ),
            _material("stainless_steel", "plastic", "glass", "bamboo"),
            _colour("black", "white", "silver", "green"),
            _weight(30, 90, 0.01),
        ),
    ),
    Kind(
        "shoes",
        "aa-8-8",
        _names("Pantofi sport", "Sneakers", "Adidasi", "Sneakers"),
        _names("Încălțăminte > Pantofi sport", "Sneakers", "Fashion/Adidasi", "Shoes > Sneakers"),
        ("Pantofi sport", "Sneakers"),
        "RN",
        (14900, 69900),
        ("color", "shoe_size"),
        "shoe_size",
        (
            _number(
                "shoe_size",
                _names("Mărime", "Size (EU)", "Marime EU", "EU size"),
                _pick(*range(36, 47)),
                _same(Measure("")),
            ),
            Attribute(
                "upper_material",
                _names("Material exterior", "Upper material", "Material fata", "Upper"),
                _pick("leather", "mesh", "fabric"),
                words=MATERIALS,
            ),
            _flag("waterproof", "Impermeabil", "Waterproof", "Rezistent la apa", "Waterproof"),
            _colour("black", "white", "blue", "red", "green"),
            _weight(40, 110, 0.01),
        ),
    ),
    Kind(
        "office_chair",
        "fr-12-2",
        _names("Scaun de birou", "Office Chair", "Scaun ergonomic birou", "Office Chair"),
        _names(
            "Mobilier > Scaune de birou",
            "Office Chairs",
            "Mobilier/Scaune birou",
            "Furniture > Office Chairs",
        ),
        ("Scaun de birou", "Office Chair"),
        "OC",
        (39900, 249900),
        ("color",),
        "color",
        (
            _number(
                "max_load",
                _names("Sarcină maximă", "Maximum load", "Greutate maxima suportata", "Max user weight"),
                _between(20, 32, 5),
                {**_KILOGRAMS, "mp": Measure(" kg"), "en": Measure(" lbs", 2.20462262, 1)},
            ),
            Attribute(
                "seat_height",
                _names("Înălțime șezut", "Seat height", "Inaltime sezut", "Seat height"),
                lambda rng: (low := rng.randint(38, 46), low + rng.randint(6, 12)),
                measures=_CENTIMETRES,
            ),
            _material("leather", "mesh", "fabric"),
            _flag("armrests", "Cotiere", "Armrests", "Brate", "Armrests"),
            _colour("black", "white", "grey", "brown", "beige"),
            _weight(90, 240, 0.1),
        ),
    ),
    Kind(
        "kettle",
        "hg-11-7-11",
        _names("Fierbător", "Kettle", "Fierbator electric", "Electric Kettle"),
        _names(
            "Electrocasnice > Fierbătoare",
            "Electric Kettles",
            "Electrocasnice mici/Fierbatoare",
            "Kitchen > Kettles",
        ),
        ("Fierbător", "Kettle"),
        "KT",
        (7900, 49900),
        ("capacity",),
        "color",
        (
            _number(
                "capacity",
                _names("Capacitate", "Capacity", "Volum", "Capacity"),
                _between(8, 20, 0.1),
                {
                    "ro": Measure(" l", 1, 1),
                    "en": Measure(" L", 1, 1),
                    "mp": Measure(" ml", 1000),
                    "web": Measure(" litres", 1, 1),
                },
            ),
            _number(
                "power",
                _names("Putere", "Power", "Putere consumata", "Power"),
                _pick(1500, 1850, 2000, 2200, 2400),
                {**_same(Measure(" W")), "web": Measure(" kW", 0.001, 2)},
            ),
            _number(
                "cable_length",
                _names("Lungime cablu", "Cord length", "Lungimea cablului", "Cable length"),
                _between(6, 15, 0.1),
                {**_same(Measure(" m", 1, 1)), "en": Measure(" ft", 3.2808399, 2), "mp": Measure(" cm", 100)},
            ),
            _material("stainless_steel", "plastic", "glass"),
            _colour("black", "white", "silver", "red"),
            _weight(70, 180, 0.01),
        ),
    ),
    Kind(
        "drill",
        "ha-15-14-3",
        _names("Mașină de găurit", "Drill Driver", "Bormasina cu acumulator", "Drill Driver"),
        _names("Scule > Mașini de găurit", "Handheld Power Drills", "Bricolaj/Bormasini", "Tools > Drills"),
        ("Mașină de găurit", "Drill Driver"),
        "DR",
        (19900, 149900),
        ("voltage",),
        "battery_capacity",
        (
            _number(
                "voltage",
                _names("Tensiune", "Voltage", "Tensiune acumulator", "Battery voltage"),
                _pick(12, 18, 20, 36),
                _same(Measure(" V")),
            ),
            _number(
                "torque",
                _names("Cuplu maxim", "Maximum torque", "Cuplu", "Torque"),
                _between(20, 120, 1),
                _same(Measure(" Nm")),
            ),
            _number(
                "battery_capacity",
                _names("Capacitate acumulator", "Battery capacity", "Capacitate baterie", "Battery capacity"),
                _pick(1.5, 2, 4, 5),
                {**_same(Measure(" Ah", 1, 1)), "mp": Measure(" mAh", 1000)},
            ),
            _flag("brushless", "Motor fără perii", "Brushless motor", "Motor fara perii", "Brushless"),
            _colour("black", "blue", "green", "red"),
            _weight(90, 320, 0.01),
        ),
    ),
)
