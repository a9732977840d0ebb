"""Values as five languages write them, compared with what Babel (Unicode CLDR) writes and exact factors: never with our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from babel.numbers import format_decimal
from babel.units import format_unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LOCALES = st.sampled_from(["ro", "en", "de", "fr", "es"])
NUMBERS = st.one_of(
    st.integers(1, 999).map(Decimal),
    st.integers(1000, 2_500_000).map(Decimal),
    st.decimals(Decimal("0.1"), 99_999, places=1),
    st.decimals(Decimal("0.01"), 9_999_999, places=2),
)
#: CLDR's unit, ours, and what one of the first is in the second, as the standards define it.
UNITS = (
    ("length-inch", "cm", Fraction(254, 100)),
    ("length-foot", "m", Fraction(3048, 10_000)),
    ("length-millimeter", "cm", Fraction(1, 10)),
    ("length-kilometer", "m", Fraction(1000)),
    ("mass-kilogram", "g", Fraction(1000)),
    ("mass-pound", "kg", Fraction(45_359_237, 100_000_000)),
    ("mass-ounce", "g", Fraction(28_349_523_125, 10**9)),
    ("volume-liter", "ml", Fraction(1000)),
    ("volume-centiliter", "l", Fraction(1, 100)),
    ("volume-gallon", "l", Fraction(3_785_411_784, 10**9)),
    ("power-kilowatt", "W", Fraction(1000)),
    ("energy-kilowatt-hour", "Wh", Fraction(1000)),
    ("electric-milliampere", "A", Fraction(1, 1000)),
    ("electric-volt", "mV", Fraction(1000)),
    ("frequency-gigahertz", "MHz", Fraction(1000)),
    ("duration-hour", "min", Fraction(60)),
    ("duration-week", "d", Fraction(7)),
    ("area-square-meter", "cm2", Fraction(10_000)),
    ("pressure-bar", "kPa", Fraction(100)),
    ("pressure-pound-force-per-square-inch", "kPa", Fraction(44_482_216_152_605, 6_451_600_000_000)),
    ("speed-kilometer-per-hour", "m_s", Fraction(10, 36)),
    ("digital-terabyte", "GB", Fraction(1000)),
    ("concentr-percent", "pct", Fraction(1)),
)
FRACTIONS = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8)}
INCHES = (
    '"',
    "″",
    "”",
    "''",
    "´´",
    " in",
    " in.",
    "-inch",
    " inches",
    " Zoll",
    " pouces",
    " pulgadas",
    " inchi",
    " țoli",
)
BETWEEN = {
    "en": ("from {} to {}", "between {} and {}"),
    "ro": ("de la {} până la {}", "între {} și {}"),
    "de": ("von {} bis {}", "zwischen {} und {}"),
    "fr": ("de {} à {}", "entre {} et {}"),
    "es": ("de {} a {}", "entre {} y {}"),
}  # fmt: skip
JOINTS = ("{}–{}", "{} – {}", "{}-{}", "{} ... {}", "{}…{}", "{} ~ {}", "{}÷{}")
LIMITS = {
    "en": (("up to {}", "max. {}", "≤ {}", "{} max", "less than {}"), ("at least {}", "≥ {}", "from {}", "{} or more")),
    "ro": (("până la {}", "cel mult {}", "maxim {}", "sub {}"), ("minim {}", "cel puțin {}", "peste {}", "de la {}")),
    "de": (("bis zu {}", "höchstens {}", "max. {}", "unter {}"), ("ab {}", "mindestens {}", "über {}", "mind. {}")),
    "fr": (("jusqu'à {}", "au plus {}", "moins de {}"), ("au moins {}", "à partir de {}", "plus de {}")),
    "es": (("hasta {}", "máx. {}", "como máximo {}", "{} máx."), ("al menos {}", "desde {}", "más de {}")),
}  # fmt: skip
SIDES = {"en": "WDH", "ro": "Llh", "de": "BTH", "fr": "LPH", "es": ("An", "F", "Al")}


@pytest.fixture(scope="module")
def connection(module_db: Database) -> Iterator[Connection]:
    yield module_db.connect("neanelu_pim_editor")


def value(connection: Connection, raw: str, kind: str, unit: str | None, locale: str) -> Any:
    """Return what a text is read as; numbers as Decimals."""
    row = connection.execute(
        "SELECT (normalise.value(%s, %s, %s, NULL, %s) -> 'value')::text", (raw, kind, unit, locale)
    ).fetchone()
    assert row is not None and row[0] is not None, raw
    return json.loads(row[0], parse_float=Decimal, parse_int=Decimal)


def is_close(found: Any, wanted: Fraction | Decimal) -> bool:
    """Whether a number is the wanted one to nine digits."""
    exact = Fraction(wanted)
    return abs(Fraction(found) - exact) <= abs(exact) / 10**9


def written(number: Decimal, locale: str) -> str:
    """Return a number as Unicode's data say that a language writes it."""
    return format_decimal(number, locale=locale)


@QUICK
@given(
    NUMBERS,
    st.sampled_from(UNITS),
    LOCALES,
    st.sampled_from(["long", "short"]),
    st.sampled_from(["{}", "ca. {}", "~{}", "({})", "{}."]),
)
def test_measures_are_read_as_their_language_writes_them(
    connection: Connection,
    number: Decimal,
    unit: tuple[str, str, Fraction],
    locale: str,
    length: Any,
    around: str,
) -> None:
    raw = around.format(format_unit(number, unit[0], length=length, format="#,##0.##", locale=locale))
    said = value(connection, raw, "number", unit[1], locale)
    assert is_close(said, Fraction(number) * unit[2]), raw


@QUICK
@given(
    st.integers(0, 40),
    st.sampled_from(sorted(FRACTIONS)),
    st.sampled_from(INCHES),
    LOCALES,
    st.sampled_from(["{0}{1}", "{0} {1}", "{0} {2}", "{0}-{2}"]),
)
def test_fractions_of_inches_are_read(
    connection: Connection, whole: int, sign: str, inch: str, locale: str, form: str
) -> None:
    above, below = FRACTIONS[sign]
    raw = (form.format(whole, sign, f"{above}/{below}") if whole else sign) + inch
    assert is_close(
        value(connection, raw, "number", "mm", locale), (whole + Fraction(above, below)) * Fraction(254, 10)
    ), raw


@QUICK
@given(NUMBERS, NUMBERS, LOCALES, st.data())
def test_both_ends_of_ranges_are_read(
    connection: Connection, one: Decimal, other: Decimal, locale: str, data: st.DataObject
) -> None:
    low, high = sorted((one, other))
    form = data.draw(st.sampled_from((*BETWEEN[locale], *JOINTS)))
    unit, ours, factor = data.draw(
        st.sampled_from([u for u in UNITS if u[0].split("-")[0] in ("length", "mass", "duration")])
    )
    symbol = format_unit(2, unit, length="short", locale=locale).replace("2", "").strip()
    raw = f"{form.format(written(low, locale), written(high, locale))} {symbol}"
    said = value(connection, raw, "range", ours, locale)
    assert is_close(said["min"], Fraction(low) * factor) and is_close(said["max"], Fraction(high) * factor), (
        raw
    )


@QUICK
@given(NUMBERS, LOCALES, st.booleans(), st.data())
def test_a_limit_is_one_end_of_a_range(
    connection: Connection, number: Decimal, locale: str, is_upper: bool, data: st.DataObject
) -> None:
    form = data.draw(st.sampled_from(LIMITS[locale][0 if is_upper else 1]))
    raw = form.format(f"{written(number, locale)} W")
    said = value(connection, raw, "range", "W", locale)
    assert list(said) == ["max" if is_upper else "min"] and is_close(next(iter(said.values())), number), raw


@QUICK
@given(
    st.integers(1, 60),
    st.integers(1, 90),
    LOCALES,
    st.sampled_from(
        ["-{}…+{}°C", "−{} °C – {} °C", "-{} / +{} °C", "-{}°C - {}°C", "minus {} … {} °C", "–{} °C ~ +{} °C"]
    ),
)
def test_signs_are_told_from_hyphens(
    connection: Connection, low: int, high: int, locale: str, form: str
) -> None:
    said = value(connection, form.format(low, high), "range", "degC", locale)
    assert (said["min"], said["max"]) == (-low, high)


@QUICK
@given(
    st.lists(st.decimals(Decimal("0.1"), 999, places=1), min_size=2, max_size=3),
    LOCALES,
    st.sampled_from(["x", " x ", "×", " × ", "*", " X "]),
    st.sampled_from(["cm", "mm", "in", '"', "m"]),
    st.integers(0, 4),
)
def test_sides_are_read_wherever_their_letters_and_units_stand(
    connection: Connection, sides: list[Decimal], locale: str, cross: str, unit: str, form: int
) -> None:
    texts = [written(side, locale) for side in sides]
    letters = list(SIDES[locale])[: len(sides)]
    pairs = list(zip(letters, texts, strict=True))
    raw = (
        f"{cross.join(texts)} {unit}",
        cross.join(f"{text}{unit}" for text in texts),
        cross.join(f"{text}{unit} ({letter})" for letter, text in pairs),
        " x ".join(f"{letter}{text}" for letter, text in pairs) + f" {unit}",
        " x ".join(f"{letter}: {text}" for letter, text in pairs) + f" {unit}",
    )[form]
    factor = {
        "cm": Fraction(10),
        "mm": Fraction(1),
        "in": Fraction(254, 10),
        '"': Fraction(254, 10),
        "m": Fraction(1000),
    }[unit]
    said = value(connection, raw, "dimensions", "mm", locale)
    assert len(said) == len(sides) and all(
        is_close(s, Fraction(side) * factor) for s, side in zip(said, sides, strict=True)
    ), raw
