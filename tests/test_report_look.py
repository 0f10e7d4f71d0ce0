"""The report as it is seen and used: contrast, widths, rows that are not cut, keyboard, pointer, paper."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from browser import CHROMIUM, Browser
from pcapframe._report_time import _rounded, _time_ticks

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to open the page with")
CSS = (files("pcapframe") / "data" / "report.css").read_text("utf-8")


def _linear(colour: str) -> list[float]:
    digits = colour.lstrip("#")
    pairs = [digits[n : n + 2] for n in (0, 2, 4)] if len(digits) == 6 else [digit * 2 for digit in digits]
    shares = [int(pair, 16) / 255 for pair in pairs]
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def _luminance(colour: list[float]) -> float:
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), colour, strict=True))


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 has it."""
    low, high = sorted(_luminance(_linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


# What somebody without the receptors for green sees (Machado, Oliveira, Fernandes 2009), of linear red, green, blue.
_NO_GREEN = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def _lab(colour: list[float]) -> tuple[float, float, float]:
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    parts = [sum(map(float.__mul__, row, colour)) / most for row, most in zip(rows, white, strict=True)]
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def themes() -> dict[str, dict[str, str]]:
    """The colours of both themes, by name."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    )
    return {"light": light, "dark": dark}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_enough_contrast(theme: str) -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for what else has to be seen."""
    colours = themes()[theme]
    for text in ("ink", "soft", "link", "alarm"):
        assert contrast(colours[text], colours["paper"]) >= 4.5, text
    assert contrast(colours["ink"], colours["quiet"]) >= 4.5
    layers = [colours[f"s{n}"] for n in range(6)]
    for layer in layers:
        assert contrast(layer, colours["paper"]) >= 3, layer
    assert contrast(colours["s0"], colours["land"]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_layers_differ_in_grey_and_to_the_colour_blind(theme: str) -> None:
    layers = [_linear(themes()[theme][f"s{n}"]) for n in range(6)]
    for one, other in itertools.pairwise(layers):
        assert abs(_lab(one)[0] - _lab(other)[0]) > 15
    seen = [_lab([sum(map(float.__mul__, row, colour)) for row in _NO_GREEN]) for colour in layers]
    for one, other in itertools.combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 10


def test_amounts_have_no_digits_that_say_nothing() -> None:
    amounts = [0, 500, 1000, 200_000, 1_500_000, 20_000_000, 100_000_000]
    assert [_rounded(octets) for octets in amounts] == ["0", "500", "1 kB", "200 kB", "1.5 MB", "20 MB", "100 MB"]


@pytest.mark.parametrize("span", [1, 1000, 10**6, 10**9, 61 * 10**9, 86_400 * 10**9, 400 * 86_400 * 10**9, 2**63])
def test_times_below_the_drawing_are_few_round_and_distinct(span: int) -> None:
    start = 1_500_000_123_456_789_000
    ticks = _time_ticks(start, span)
    assert len(ticks) <= 7
    assert all(start <= time <= start + span for time, _ in ticks)
    assert len({text for _, text in ticks}) == len(ticks)
    assert len({later - time for (time, _), (later, _) in itertools.pairwise(ticks)}) <= 1


# --- in a browser ----------------------------------------------------------------------------------------------------

# The least contrast of any text with what lies behind it, and where.
CONTRAST = """
(() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((n) => (n /= 255, n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let least = [99, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("script, svg") || !parent.checkVisibility()) continue;
    const pair = [numbers(getComputedStyle(parent).color), behind(parent)].map(luminance).sort((a, b) => a - b);
    const ratio = (pair[1] + 0.05) / (pair[0] + 0.05);
    if (ratio < least[0]) least = [ratio, parent.outerHTML.slice(0, 80)];
  }
  return least;
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("look") / "report.html"
    pf.open(LAB).report(path)
    return path


@pytest.fixture
def page(chromium: Browser, path: Path) -> Iterator[Browser]:
    chromium.look(1000)
    chromium.open(path)
    yield chromium
    assert chromium.complaints() == []


@browser
@pytest.mark.parametrize("dark", [False, True])
def test_all_text_can_be_read(page: Browser, dark: bool) -> None:
    page.look(1000, dark=dark)
    assert page.ask("getComputedStyle(document.body).backgroundColor") == (
        "rgb(22, 24, 27)" if dark else "rgb(255, 255, 255)"
    )
    least, where = page.ask(CONTRAST)
    assert 4.5 <= least < 99, where


@browser
@pytest.mark.parametrize("width", [320, 400, 1000, 1400])
def test_nothing_sticks_out_and_no_row_is_cut(page: Browser, width: int) -> None:
    page.look(width)
    assert page.ask("document.documentElement.scrollWidth") <= width
    cut = "[...document.querySelectorAll('.table')].filter((b) => b.scrollHeight > b.clientHeight + 1).map((b) => b.id)"
    assert page.ask(cut) == []
    texts = "[...document.querySelectorAll('.times span, .amounts span')].filter((t) => t.checkVisibility())"
    boxes = page.ask(f"{texts}.map((t) => (b => [b.left, b.right, b.top, b.bottom])(t.getBoundingClientRect()))")
    for left, right, _, _ in boxes:
        assert 0 <= left <= right <= width
    for one, other in itertools.combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
        assert apart, "two numbers of the timeline lie on each other"


def _rows(page: Browser, key: str) -> list[str]:
    seen = f"[...document.getElementById('{key}').tBodies[0].rows].filter((row) => row.checkVisibility())"
    found: list[str] = page.ask(f"{seen}.map((row) => row.cells[0].textContent)")
    return found


@browser
def test_long_tables_say_how_many_more_there_are(page: Browser) -> None:
    every = page.ask("document.getElementById('talkers-table').tBodies[0].rows.length")
    button = "document.querySelector('.more[aria-controls=talkers-table]')"
    assert len(_rows(page, "talkers-table")) == 10
    assert page.ask(f"{button}.textContent") == f"Show all {every} rows"
    page.ask("document.querySelector('#talkers-table th button').click()")
    assert (
        _rows(page, "talkers-table")
        == page.ask("[...document.querySelectorAll('#talkers-table td:first-child')].map((cell) => cell.textContent)")[
            :10
        ]
    )
    page.ask(f"{button}.click()")
    assert len(_rows(page, "talkers-table")) == every
    assert page.ask(f"{button}.ariaExpanded") == "true"
    page.ask(f"{button}.click()")
    assert len(_rows(page, "talkers-table")) == 10


@browser
def test_a_filter_finds_rows_that_were_not_shown(page: Browser) -> None:
    last = page.ask("document.getElementById('talkers-table').tBodies[0].lastElementChild.cells[0].textContent")
    assert last not in _rows(page, "talkers-table")
    page.ask("document.querySelector('[data-for=talkers-table]').focus()")
    page.call("Input.insertText", text=last)
    assert last in _rows(page, "talkers-table")
    told = page.ask("document.querySelector('output[for=talkers-table-filter]').textContent")
    assert re.fullmatch(r"\d+ of \d+ rows", told)
    page.ask("document.querySelector('[data-for=talkers-table]').select()")
    page.press("Backspace", 8)
    assert len(_rows(page, "talkers-table")) == 10


@browser
def test_the_keyboard_reaches_all_of_it_in_the_order_it_is_read(page: Browser) -> None:
    seen: list[Any] = []
    for _ in range(400):
        page.press("Tab", 9)
        place = page.ask(
            "((e) => e === document.body ? null : [e.tagName, [...document.querySelectorAll('*')].indexOf(e),"
            " getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        if place is None or (seen and place[1] <= seen[-1][1]):
            break
        seen.append(place)
    wanted = page.ask("[...document.querySelectorAll('a, button, input')].filter((e) => e.checkVisibility()).length")
    assert sum(tag != "DIV" for tag, _, _ in seen) == wanted > 30
    assert all(outline != "none" for _, _, outline in seen)  # where one is can be seen


@browser
def test_a_range_is_marked_with_the_pointer_and_given_up_again(page: Browser) -> None:
    whole = page.ask("document.querySelector('#time output').textContent")
    left, top, width, height = page.ask(
        "((b) => [b.left, b.top, b.width, b.height])(document.querySelector('.catch').getBoundingClientRect())"
    )
    page.drag((left + width / 4, top + height / 2), (left + width / 2, top + height / 2))
    part = page.ask("document.querySelector('#time output').textContent")
    bins = page.ask("JSON.parse(document.querySelector('#time script').textContent).labels.length") - 1
    start, end = (int(page.ask(f"document.getElementById('{key}').value")) for key in ("from", "to"))
    assert abs(start - bins / 4) <= 1
    assert abs(end - bins / 2) <= 1
    assert part != whole
    mark = page.ask("document.querySelector('.mark').getBoundingClientRect().width")
    assert abs(mark - width * (end - start) / bins) < 2
    page.ask("document.querySelector('#time p button').click()")
    assert page.ask("document.querySelector('#time output').textContent") == whole
    assert not page.ask("document.querySelector('#time p button').checkVisibility()")


@browser
def test_paper_has_every_row_and_no_controls(page: Browser) -> None:
    every = page.ask("document.getElementById('talkers-table').tBodies[0].rows.length")
    page.look(700, dark=True, printed=True)
    assert len(_rows(page, "talkers-table")) == every > 10
    assert page.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    controls = "[...document.querySelectorAll('nav, input, .more')].filter((e) => e.checkVisibility()).length"
    assert page.ask(controls) == 0
    assert page.ask("[...document.querySelectorAll('.table')].every((b) => getComputedStyle(b).overflow === 'visible')")
    assert page.ask("document.documentElement.scrollWidth") <= 700
