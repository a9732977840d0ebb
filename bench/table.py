"""Writes the figures of results.json as tables into README.md, between two markers."""

from __future__ import annotations

import json
from typing import Any

from bench import frame

README = frame.HERE / "README.md"
BEGIN = "<!-- figures: begin (python -m bench --table) -->"
END = "<!-- figures: end -->"


def _section(name: str, scale: str, entry: dict[str, Any]) -> str:
    """Return one measurement as a heading with a table."""
    box = entry["machine"]
    rows = [
        f"### {name}, {scale}",
        "",
        f"{entry['date']}, commit {entry['commit']}, PostgreSQL {entry['postgresql']}, {box['cpus']} CPUs ({box['cpu']}), "
        f"{box['memory_gib']:g} GiB, {box['system']}; fdatasync {entry['fdatasync_us']:g} µs; other "
        f"processes took {entry['cpu_of_others']:.0%} of the CPUs meanwhile; took {entry['took_seconds']} s.",
        "",
        "| figure | value | unit | target | |",
        "|---|---:|---|---|---|",
    ]
    for item in entry["figures"]:
        verdict = "" if item["ok"] is None else "ok" if item["ok"] else "**SHORT**"
        rows.append(
            f"| {item['name']} | {item['value']:,g} | {item['unit']} | {item['target'] or ''} | {verdict} |"
        )
    return "\n".join(rows)


def write() -> None:
    """Replace what stands between the markers; raises ValueError when README.md lacks them."""
    results = json.loads(frame.RESULTS.read_text())
    sections = [_section(name, scale, results[name][scale]) for name in results for scale in results[name]]
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"{README} lacks the markers")
    README.write_text(f"{head}{BEGIN}\n\n" + "\n\n".join(sections) + f"\n\n{END}{tail}")
