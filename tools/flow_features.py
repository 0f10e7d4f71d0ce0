"""Write the tables of docs/flow-features.md from what the core says of its features.

    python tools/flow_features.py

What stands outside the marks is written by hand.
"""

from pathlib import Path

from pcapframe import _flows

PAGE = Path(__file__).parent.parent / "docs" / "flow-features.md"
BEGIN, END = "<!-- made by tools/flow_features.py -->", "<!-- end -->"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]


def features() -> list[str]:
    rows = []
    for each in _flows.FEATURES:
        types = " / ".join(dict.fromkeys(kind or "–" for kind in (each.cic2017, each.corrected)))
        texts = [each.published, each.v4, each.name_2021]
        names = [f"`{text}`" if i == 0 or text != each.published else "″" for i, text in enumerate(texts)]
        rows.append([*names, types, each.unit, cell(each.definition), cell(each.differs)])
    head = ["name", "CSE-CIC-IDS2018", "2021", "type", "unit", "`corrected`", "what differs"]
    return table(head, rows)


def options() -> list[str]:
    corrected, old = (_flows.DEFAULTS[variant] for variant in ("corrected", "cic2017"))

    def shown(value: object) -> str:
        return (
            "all"
            if value == _flows.PROTOCOLS
            else ", ".join(value) or "none"
            if isinstance(value, tuple)
            else str(value)
        )

    return table(
        ["option", "`corrected`", "`cic2017`"],
        [[f"`{name}`", shown(corrected[name]), shown(old[name])] for name in corrected],
    )


def extra() -> list[str]:
    rows = [[each.group, f"`{each.name}`", each.kind, each.unit, cell(each.definition)] for each in _flows.EXTRA]
    return table(["group", "name", "type", "unit", "what it is"], rows)


def rendered(page: str) -> str:
    """The page with its tables made anew."""
    parts = page.split(BEGIN)
    for i, lines in enumerate((options(), features(), extra()), 1):
        parts[i] = "\n\n" + "\n".join(lines) + "\n\n" + END + parts[i].split(END, 1)[1]
    return BEGIN.join(parts)


def main() -> None:
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
