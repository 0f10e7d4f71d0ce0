"""Draw what the tables of docs/performance*.md say: packets a second of each contender, on one scale.

python benchmarks/chart.py
"""

import math
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

DOCS = Path(__file__).parent.parent / "docs"
OUT = DOCS / "_static" / "performance.svg"
# The page, the heading of the table in it, and what the panel is about.
PANELS = (
    ("performance.md", "20% distinct", "Indicators counted"),
    ("performance-tables.md", "packets", "Columns to Arrow"),
    ("performance-flows.md", "packets", "Flows with their features"),
)
# Kind of a row: its name in the legend, its marker, its colour; the markers tell them apart in grey as well.
KINDS = {
    "ours": ("pcapframe", "o", "#0b6e99"),
    "theirs": ("others", "D", "#b0560f"),
    "floor": ("floors: what any reader has to do", "|", "#555555"),
}
INK, FAINT = "#222222", "#d9dee1"
FLOORS = ("plain read", "libpcap loop")


def rates(page: str, heading: str) -> list[tuple[str, float]]:
    """The column packets/s of the first table under a heading that has these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = next(part for part in text.split("\n### ")[1:] if heading in part.splitlines()[0])
    lines = [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    head, rows = lines[0], lines[2:]
    at = head.index("packets/s")
    return [(row[0].replace("`", ""), float(row[at].replace(",", ""))) for row in rows if row[at] != "–"]


def kind(name: str) -> str:
    if name in FLOORS:
        return "floor"
    others = ("scapy", "dpkt", "tshark", "nfstream", "cicflowmeter", "wa1kpcap")
    ours = not any(other in name and not name.startswith("compat") for other in others)
    return "ours" if ours else "theirs"


def human(rate: float) -> str:
    """Three digits: 32.4M, 135k, 9.68k."""
    unit, letter = (1e6, "M") if rate >= 999_500 else (1e3, "k")
    scaled = rate / unit
    return f"{scaled:.0f}{letter}" if scaled >= 99.5 else f"{scaled:.3g}{letter}"


def main() -> None:
    found = [(title, page, rates(page, heading)) for page, heading, title in PANELS]
    heights = [len(bars) + 1 for _, _, bars in found]
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "pcapframe", "svg.fonttype": "none", "text.color": INK})
    figure, axes = plt.subplots(
        len(found), 1, figsize=(8, 0.26 * sum(heights) + 0.9), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.12)
    # The scale is logarithmic, where a bar has no honest beginning: points on lines, and the numbers beside them.
    for ax, (title, _, points) in zip(axes, found, strict=True):
        for place, (name, rate) in enumerate(points):
            _, marker, colour = KINDS[kind(name)]
            ax.plot(rate, place, marker, color=colour, markersize=7, markeredgewidth=2 if marker == "|" else 0)
            ax.annotate(
                human(rate), (rate, place), (8, 0), textcoords="offset points", va="center", fontsize=8,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
        ax.set_yticks(range(len(points)), [name for name, _ in points])
        ax.set_ylim(len(points) - 0.4, -0.6)
        ax.set_xscale("log")
        ax.set_xlim(10 ** math.floor(math.log10(min(rate for _, _, each in found for _, rate in each))), 2e8)
        ax.set_xticks([10**power for power in range(3, 9)], ["1k", "10k", "100k", "1M", "10M", "100M"])
        ax.minorticks_off()
        ax.grid(True, color=FAINT, linewidth=0.7)
        ax.set_axisbelow(True)
        ax.set_title(title, loc="left", fontsize=10, fontweight="bold")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0, labelcolor=INK)
    axes[-1].set_xlabel("packets a second; each line is ten times the one before")
    handles = [
        Line2D([], [], marker=marker, color=colour, linestyle="", markersize=7, label=words,
               markeredgewidth=2 if marker == "|" else 0)
        for words, marker, colour in KINDS.values()
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False, fontsize=9)
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, metadata={"Date": None})
    print("wrote", OUT.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
