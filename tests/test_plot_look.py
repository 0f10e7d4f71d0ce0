"""Pictures of awkward input: nothing is cut, nothing lies on something else, no tick says what another says."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
from captures import Packet, ethernet, ipv4, pcap_bytes, tcp, udp

matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'pcapframe[plot]'")
matplotlib.use("Agg")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
START = 1_500_000_000 * 10**9
DICE = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def at(times: Any, octets: bytes = b"") -> pf.Capture:
    """The same packet at each of some times (ns)."""
    data = octets or ethernet(ipv4(udp(b"x", 1, 2))).octets
    return pf.open(pcap_bytes([Packet(data, len(data), *divmod(int(time) // 1000, 10**6)) for time in times]))


def query(name: bytes) -> bytes:
    return bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name)]) + name + bytes([0, 0, 1, 0, 1])


def names(each: list[bytes]) -> pf.Capture:
    octets = [ethernet(ipv4(udp(query(name), 5000, 53))).octets for name in each]
    return pf.open(pcap_bytes([Packet(data, len(data), 1_500_000_000 + n) for n, data in enumerate(octets)]))


CAPTURES: dict[str, Callable[[], pf.Capture]] = {
    "lab": lambda: pf.open(LAB),
    "empty": lambda: pf.open(pcap_bytes([])),
    "one": lambda: at([START]),
    "microseconds": lambda: at(START + np.sort(DICE.integers(0, 900, 300)) * 1000),
    "months": lambda: at(START + np.sort(DICE.integers(0, 200 * 86_400, 3000)) * 10**9),
    "one huge value": lambda: at([*(START + n * 10**9 for n in range(100)), *[START + 101 * 10**9] * 20_000]),
    "long names": lambda: names([b"a" * 59 + b"%03d" % n for n in range(30)]),
    "one syn": lambda: at([START], ethernet(ipv4(tcp(b"", destination=443, flags=2))).octets),
}
PICTURES: dict[str, Callable[[pf.Capture], Any]] = {
    "talkers": pf.plot.talkers,
    "timeline": pf.plot.timeline,
    "heatmap": pf.plot.heatmap,
    "graph": pf.plot.graph,
    "dns": pf.plot.dns,
    "tcp ports": pf.plot.ports,
    "udp ports": lambda cap: pf.plot.ports(cap, transport="udp"),
    "spectrum": pf.plot.spectrum,
    "histogram": lambda cap: pf.plot.histogram(cap.count("ip_src")),
    "flows": lambda cap: pf.plot.flows(cap.flows()),
    "map": lambda cap: pf.geo.map(cap, home=(48.2, 16.4)),
}


def _overlap(one: Any, other: Any) -> bool:
    slack = 0.5  # of a pixel
    return bool(
        one.x0 < other.x1 - slack
        and other.x0 < one.x1 - slack
        and one.y0 < other.y1 - slack
        and other.y0 < one.y1 - slack
    )


def check(ax: Any) -> None:
    """What a person would see at once."""
    ax.figure.canvas.draw()
    ax.figure.canvas.draw()  # the layout is settled with the second
    renderer = ax.figure.canvas.get_renderer()
    whole = ax.figure.bbox
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = [
            tick.label1
            for place, tick in zip(axis.get_majorticklocs(), axis.get_major_ticks(), strict=True)
            if low <= place <= high and tick.label1.get_text()
        ]
        texts = [text.get_text() for text in ticks]
        assert len(set(texts)) == len(texts), texts
        boxes = [text.get_window_extent(renderer) for text in ticks]
        if not any(text.get_rotation() for text in ticks):
            assert not any(_overlap(one, other) for one, other in itertools.pairwise(boxes)), texts
        for box, text in zip(boxes, texts, strict=True):
            assert box.x0 >= -1 and box.x1 <= whole.x1 + 1, text  # noqa: PT018
            assert box.y0 >= -1 and box.y1 <= whole.y1 + 1, text  # noqa: PT018
    for text in (ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts):
        if text.get_text():
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1 and box.x1 <= whole.x1 + 1, text  # noqa: PT018
            assert box.y0 >= -1 and box.y1 <= whole.y1 + 1, text  # noqa: PT018
    legend = ax.get_legend()
    if legend is not None and not legend.get_frame_on():  # one on a map has a ground of its own
        assert not _overlap(legend.get_window_extent(renderer), ax.get_window_extent(renderer))
        assert legend.get_window_extent(renderer).x1 <= whole.x1 + 1


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("capture", CAPTURES)
def test_nothing_is_cut_or_said_twice(capture: str, picture: str) -> None:
    if picture == "map":
        pytest.importorskip("iptocc", reason="countries come from iptocc: pip install 'pcapframe[geo]'")
    check(PICTURES[picture](CAPTURES[capture]()))


CLASSES = [f"Class number {n} \N{EN DASH} with a very long name" for n in range(40)]


@pytest.mark.parametrize("classes", [["BENIGN"], CLASSES[:3], CLASSES])
def test_classes_can_be_told_apart(classes: list[str]) -> None:
    truth = DICE.choice(classes, 500)
    ax = pf.plot.confusion(truth, DICE.choice(classes, 500))
    check(ax)


def test_curves_leave_room_for_their_names() -> None:
    truth = DICE.random(500) < 0.1
    check(pf.plot.precision_recall(truth, {f"{name} of a model": truth + DICE.random(500) for name in CLASSES[:7]}))


def test_flows_of_many_classes_are_all_drawn_and_told() -> None:
    pandas = pytest.importorskip("pandas", reason="a table of another maker: pip install pandas")
    size = 2000
    table = pandas.DataFrame(
        {
            "Flow Duration": 10 ** DICE.uniform(0, 8, size),
            "Total Length of Fwd Packets": 10 ** DICE.uniform(0, 7, size),
            "Total Length of Bwd Packets": 0,
            "Label": DICE.choice(CLASSES, size),
        }
    )
    ax = pf.plot.flows(table)
    check(ax)
    assert sum(len(points.get_offsets()) for points in ax.collections) == size
    assert any(text.get_text().startswith("33 others (") for text in ax.get_legend().get_texts())


def test_totals_have_a_colour_of_their_own() -> None:
    from pcapframe._plot_style import COLOURS, INK

    assert "#000000" not in COLOURS
    assert INK not in COLOURS
