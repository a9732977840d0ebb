"""Names of attributes: how often what a source writes is understood, without training.

- `attributes_first`, `attributes_three`: product pages of monitors as 8 web shops write them (`alaska/`: specs.jsonl, and
  attribute_labels*.csv, source attribute → target). The targets' names are the definitions, their kinds and units are guessed
  from their own words (normalise.expected); a source attribute comes with its name and up to 60 of its values. Right when the
  first, or one of the first three, is one of its targets. No label is used but for judging.
- `attributes_first_peers`: the same when the labels of all *other* sources are known: as synonyms in force, and their values as
  profiles; never the asked source's own.
- `attributes_vectors_first`, `…_three`: without labels, with vectors of the local model, where it is installed.
- `multilingual_first`: names of features (`icecat/feature_names_aligned*.csv`) in German, French and Spanish → the English
  name among all of them, with the unit that stands beside; `multilingual_names_only`: without units.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench import frame

Connection = psycopg.Connection[Any]

LANGUAGES = ("de", "fr", "es")
DEFINE = """
INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family)
SELECT d.code, d.label,
       coalesce(e.data_type, CASE WHEN coalesce(u.family, e.unit_family) IS NULL THEN 'string' ELSE 'number' END),
       NULL, coalesce(u.family, e.unit_family)
  FROM unnest(%s::text[], %s::text[], %s::text[]) AS d (code, label, unit)
 CROSS JOIN LATERAL normalise.expected(d.label) AS e
  LEFT JOIN neanelu.prod_units AS u ON u.code = normalise.unit(d.unit)
"""
ASK = "SELECT code FROM normalise.attribute_candidates(%s, %s, %s, %s, 3) ORDER BY rank"
SYNONYM = """
INSERT INTO neanelu.prod_attr_synonyms (definition_id, synonym_text, locale, source, is_approved)
SELECT d.id, %s, 'en', 'import', true FROM neanelu.prod_attr_definitions AS d WHERE d.code = %s ON CONFLICT DO NOTHING
"""
PROFILE = """
INSERT INTO neanelu.prod_attr_profiles (definition_id, profile, example_count)
SELECT d.id, normalise.profile(%(v)s::text[]), cardinality(%(v)s::text[]) FROM neanelu.prod_attr_definitions AS d
 WHERE d.code = %(code)s AND normalise.profile(%(v)s::text[]) IS NOT NULL
"""


def define(connection: Connection, rows: Iterable[tuple[str, str, str | None]]) -> None:
    """Make definitions of (code, label, unit) rows."""
    codes, labels, units = zip(*rows, strict=True)
    connection.execute(DEFINE, (list(codes), list(labels), list(units)))


def share(right: Sequence[bool]) -> float:
    """Return how many are right, of 1."""
    return sum(right) / max(1, len(right))


# --- Monitors ---------------------------------------------------------------------------------------------
class Monitors:
    """Labels, and values of source attributes."""

    def __init__(self, folder: Path) -> None:
        self.targets: dict[tuple[str, str], set[str]] = defaultdict(set)
        for path in sorted(folder.glob("attribute_labels*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    source, _, name = row["source_attribute_id"].partition("//")
                    self.targets[source, name].add(row["target_attribute_name"])
        self.values: dict[tuple[str, str], list[str]] = defaultdict(list)
        with (folder / "specs.jsonl").open(encoding="utf-8") as file:
            for line in file:
                page = json.loads(line)
                for name, value in page["specs"].items():
                    values = value if isinstance(value, list) else [value]
                    self.values[page["source"], name] += [str(v) for v in values if str(v).strip()]

    def codes(self) -> list[str]:
        """Return all targets."""
        return sorted({target for targets in self.targets.values() for target in targets})

    def examples(self, key: tuple[str, str]) -> list[str]:
        """Return distinct values of a source attribute."""
        return list(dict.fromkeys(self.values[key]))[:200]


def guess(
    connection: Connection, monitors: Monitors, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return the first three candidates of each source attribute."""
    return {
        key: [row[0] for row in connection.execute(ASK, (key[1], "en", None, monitors.examples(key)))]
        for key in keys
    }


def judge(monitors: Monitors, guesses: dict[tuple[str, str], list[str]], name: str) -> tuple[float, float]:
    """Return the shares right at first and within three; the wrong ones go to standard error."""
    first, three = [], []
    for key, codes in guesses.items():
        wanted = monitors.targets[key]
        first.append(bool(codes) and codes[0] in wanted)
        three.append(any(code in wanted for code in codes))
        if not first[-1]:
            frame.say(
                f"{name}: {key[1]} ({key[0]}) → {', '.join(codes) or 'nothing'}; wanted {', '.join(sorted(wanted))}"
            )
    return share(first), share(three)


def with_peers(connection: Connection, monitors: Monitors) -> dict[tuple[str, str], list[str]]:
    """Return guesses for each source when the labels of all others are known."""
    found: dict[tuple[str, str], list[str]] = {}
    for source in sorted({key[0] for key in monitors.targets}):
        with connection.transaction(force_rollback=True):
            known: dict[str, list[str]] = defaultdict(list)
            for key, targets in monitors.targets.items():
                if key[0] != source and len(targets) == 1:
                    connection.execute(SYNONYM, (key[1], next(iter(targets))))
                    known[next(iter(targets))] += monitors.examples(key)[:60]
            for code, values in known.items():
                connection.execute(PROFILE, {"code": code, "v": values})
            found |= guess(connection, monitors, [key for key in monitors.targets if key[0] == source])
    return found


def add_vectors(connection: Connection, names: Sequence[str]) -> bool:
    """Give definitions and names their vectors of the local model; False when that is not installed."""
    from neanelu.embeddings import ProviderMissing
    from neanelu.embeddings.minilm import MiniLM

    try:
        model = MiniLM.shared(2)
    except ProviderMissing:
        return False
    rows = connection.execute(
        "SELECT code, label FROM neanelu.prod_attr_definitions ORDER BY code"
    ).fetchall()
    connection.execute(
        "SELECT normalise.store_definition_vectors(%s, %s, %s::real[])",
        (model.name, [row[0] for row in rows], model.embed([row[1] for row in rows])),
    )
    connection.execute(
        "SELECT normalise.store_name_vectors(%s, %s, %s::real[])",
        (model.name, list(names), model.embed(list(names))),
    )
    return True


def measure_monitors(connection: Connection, folder: Path) -> list[frame.Figure]:
    """Return the figures of monitors."""
    monitors = Monitors(folder)
    define(connection, [(code, code.replace("_", " "), None) for code in monitors.codes()])
    first, three = judge(monitors, guess(connection, monitors, monitors.targets), "attributes")
    peers_first, peers_three = judge(monitors, with_peers(connection, monitors), "attributes with peers")
    figures = [
        frame.figure("attributes_asked", len(monitors.targets), "names"),
        frame.figure("attributes_targets", len(monitors.codes()), "attributes"),
        frame.figure("attributes_first", first, "share", least=0.82),
        frame.figure("attributes_three", three, "share", least=0.93),
        frame.figure("attributes_peers_first", peers_first, "share"),
        frame.figure("attributes_peers_three", peers_three, "share"),
    ]
    if add_vectors(connection, sorted({key[1] for key in monitors.targets})):
        first, three = judge(
            monitors, guess(connection, monitors, monitors.targets), "attributes with vectors"
        )
        figures += [
            frame.figure("attributes_vectors_first", first, "share"),
            frame.figure("attributes_vectors_three", three, "share"),
        ]
    return figures


# --- Languages --------------------------------------------------------------------------------------------
def measure_languages(connection: Connection, folder: Path) -> list[frame.Figure]:
    """Return the figures of features in several languages."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("feature_names_aligned*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    define(connection, [(f"f{row['feature_id']}", row["en"], row["unit_en"] or None) for row in rows])
    right: dict[str, list[bool]] = defaultdict(list)
    same = {
        row["en"]: {f"f{other['feature_id']}" for other in rows if other["en"] == row["en"]} for row in rows
    }
    for row in rows:
        for language in LANGUAGES:
            if not row[language]:
                continue
            for kind, unit in (("units", row[f"unit_{language}"] or None), ("names", None)):
                codes = [found[0] for found in connection.execute(ASK, (row[language], language, unit, None))]
                ok = bool(codes) and codes[0] in same[row["en"]]
                right[kind].append(ok)
                right[f"{kind}_{language}"].append(ok)
                if not ok and kind == "units":
                    labels = {f"f{other['feature_id']}": other["en"] for other in rows}
                    frame.say(
                        f"{language}: {row[language]} → {', '.join(labels[c] for c in codes)}; wanted {row['en']}"
                    )
    return [
        frame.figure("multilingual_asked", len(right["units"]), "names"),
        frame.figure("multilingual_first", share(right["units"]), "share", least=0.70),
        frame.figure("multilingual_names_only", share(right["names"]), "share", least=0.70),
        *(
            frame.figure(f"multilingual_{language}", share(right[f"units_{language}"]), "share")
            for language in LANGUAGES
        ),
    ]


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter."""
    figures: list[frame.Figure] = []
    for name, measure in (("alaska", measure_monitors), ("icecat", measure_languages)):
        folder = frame.data_folder(name)
        if folder is None:
            continue
        database = frame.laboratory().create()
        with database.connect(autocommit=True) as connection:
            figures += measure(connection, folder)
        frame.drop(database)
    return figures
