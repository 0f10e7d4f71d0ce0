"""Draw what the tables of docs/performance*.md say: packets a second of each contender, on one scale.

python benchmarks/chart.py
"""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parent.parent / "docs"
OUT = DOCS / "_static" / "performance.svg"
# The page, the heading of the table in it, and what the panel is about.
PANELS = (
    ("performance.md", "20% distinct", "Indicators counted"),
    ("performance-tables.md", "packets", "Columns to Arrow"),
    ("performance-flows.md", "packets", "Flows with their features"),
)
OURS, THEIRS, FLOOR = "#0b6e99", "#9aa5ab", "#d9dee1"
FLOORS = ("plain read", "libpcap loop")


def rates(page: str, heading: str) -> list[tuple[str, float]]:
    """The column packets/s of the first table under a heading that has these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = next(part for part in text.split("\n### ")[1:] if heading in part.splitlines()[0])
    lines = [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    head, rows = lines[0], lines[2:]
    at = head.index("packets/s")
    return [(row[0].replace("`", ""), float(row[at].replace(",", ""))) for row in rows if row[at] != "–"]


def colour(name: str, page: str) -> str:
    if name in FLOORS:
        return FLOOR
    others = ("scapy", "dpkt", "tshark", "nfstream", "cicflowmeter", "wa1kpcap")
    ours = not any(other in name and not name.startswith("compat") for other in others)
    return OURS if ours else THEIRS


def human(rate: float) -> str:
    return f"{rate / 1e6:.1f} M" if rate >= 1e6 else f"{rate / 1e3:.0f} k" if rate >= 1e4 else f"{rate:,.0f}"


def main() -> None:
    found = [(title, page, rates(page, heading)) for page, heading, title in PANELS]
    heights = [len(bars) + 1 for _, _, bars in found]
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "pcapframe", "svg.fonttype": "none"})
    figure, axes = plt.subplots(
        len(found), 1, figsize=(8, 0.27 * sum(heights) + 0.6), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for ax, (title, page, bars) in zip(axes, found, strict=True):
        names = [name for name, _ in bars]
        values = [rate for _, rate in bars]
        ax.barh(names, values, color=[colour(name, page) for name in names], height=0.72)
        for i, value in enumerate(values):
            ax.annotate(human(value), (value, i), (3, 0), textcoords="offset points", va="center", fontsize=8)
        ax.invert_yaxis()
        ax.set_xscale("log")
        ax.set_xlim(300, max(rate for _, _, bars in found for _, rate in bars) * 3)
        ax.set_title(title, loc="left", fontsize=10, fontweight="bold")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
    axes[-1].set_xlabel("packets a second (each step ten times as many)")
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, metadata={"Date": None})
    print("wrote", OUT.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
