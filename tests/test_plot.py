"""Pictures: what is in the Axes is what plain counting finds, bounds hold, and text off the wire is shown escaped."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
from captures import Packet, ethernet, ipv4, pcap_bytes, udp

matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'pcapframe[plot]'")
matplotlib.use("Agg")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def cap() -> pf.Capture:
    return pf.open(LAB)


@pytest.fixture(scope="module")
def rows(cap: pf.Capture) -> list[dict[str, Any]]:
    names = ["frame_time", "frame_len", "protocol", "ip_src", "ip_dst", "tcp_dstport", "tcp_flags_syn", "tcp_flags_ack",
             "dns_flags_response", "dns_qry_name"]  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in cap.packets(names).rows(*names)]


def drawn(ax: Any) -> Any:
    ax.figure.canvas.draw()  # every label and formatter runs
    return ax


def widths(ax: Any) -> list[float]:
    return [bar.get_width() for bar in ax.patches]


def ticks(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]


def test_loaded_on_first_use() -> None:
    assert {"plot", "geo"} <= set(dir(pf))
    for name in pf.plot.__all__:
        assert callable(getattr(pf.plot, name))


@pytest.mark.parametrize("value", ["packets", "octets"])
def test_talkers_are_the_largest_in_order(cap: pf.Capture, rows: list[dict[str, Any]], value: str) -> None:
    counts: Counter[str] = Counter()
    for row in rows:
        if row["ip_src"] is not None:
            counts[row["ip_src"]] += row["frame_len"] if value == "octets" else 1
    ax = drawn(pf.plot.talkers(cap, 7, value=value))
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:7]
    assert widths(ax) == [n for _, n in expected]
    assert ticks(ax.yaxis) == [name for name, _ in expected]
    assert f"{len(counts) - 7} more" in ax.get_xlabel()


def test_talkers_are_the_same_of_captures_frames_and_mappings(cap: pf.Capture) -> None:
    counts = cap.count("ip_src")
    frame = cap.packets(["ip_src", "frame_len"])
    grouped = cap.count("ip_src", sum="frame_len")
    plain = dict(counts)
    assert len({tuple(widths(pf.plot.talkers(what))) for what in (cap, counts, frame, grouped, plain)}) == 1
    assert widths(pf.plot.talkers(frame, value="octets")) == widths(pf.plot.talkers(grouped, value="octets"))
    with pytest.raises(ValueError, match="do not tell octets"):
        pf.plot.talkers(counts, value="octets")


def test_bars_that_reach_the_threshold_are_hatched(cap: pf.Capture) -> None:
    counts = cap.count("ip_src")
    limit = pf.set_threshold(counts)
    ax = drawn(counts.plot(threshold=limit))
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [width >= limit for width in widths(ax)]
    assert any(bar.get_hatch() for bar in ax.patches)


def test_histogram_holds_every_key_once(cap: pf.Capture) -> None:
    counts = cap.ioc_counts().seq
    ax = drawn(counts.plot("histogram"))
    for bar in ax.patches:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        assert bar.get_height() == sum(round(low) <= n < round(high) for n in counts.values())
    assert sum(bar.get_height() for bar in ax.patches) == len(counts)
    limit = pf.set_threshold(counts)
    assert any(f"{len(pf.eval_packets(limit, counts)):,} of {len(counts):,}" in text.get_text() for text in ax.texts)


def test_heatmap_adds_up_with_the_others_in_one_row(cap: pf.Capture, rows: list[dict[str, Any]]) -> None:
    pairs = Counter((row["ip_src"], row["ip_dst"]) for row in rows if row["ip_src"] is not None)
    ax = drawn(pf.plot.heatmap(cap, n=6))
    table = ax.images[0].get_array().filled(0)
    names, others = ticks(ax.yaxis), ticks(ax.xaxis)
    assert table.shape == (7, 7)
    assert table.sum() == sum(pairs.values())
    for row, source in enumerate(names[:6]):
        for column, destination in enumerate(others[:6]):
            assert table[row, column] == pairs[source, destination]
    assert names[6] == f"{len({one for one, _ in pairs}) - 6} others"


@pytest.mark.parametrize("value", ["packets", "octets"])
def test_timeline_totals_and_lines(cap: pf.Capture, rows: list[dict[str, Any]], value: str) -> None:
    second = 10**9
    totals: Counter[int] = Counter()
    of: dict[str, Counter[int]] = {}
    for row in rows:
        amount = row["frame_len"] if value == "octets" else 1
        place = row["frame_time"] // (2 * second)
        totals[place] += amount
        of.setdefault(row["protocol"], Counter())[place] += amount
    ax = drawn(pf.plot.timeline(cap, "2s", value=value, n=3))
    first, last = min(totals), max(totals)
    expected = [totals[place] for place in range(first, last + 1)]
    assert ax.lines[0].get_ydata().tolist() == [*expected, expected[-1]]
    assert np.asarray(ax.lines[0].get_xdata(orig=True))[0].astype("datetime64[ns]").astype(int) == first * 2 * second
    largest = sorted(of, key=lambda name: -sum(of[name].values()))[:3]
    for line, name in zip(ax.lines[1:4], largest, strict=True):
        assert line.get_ydata().tolist()[:-1] == [of[name][place] for place in range(first, last + 1)]
        assert line.get_label().startswith(name)
    limit = statistics.mean(expected) + 3 * statistics.stdev(expected)
    assert ax.lines[4].get_ydata()[0] == pytest.approx(limit, rel=1e-12)


def test_timeline_marks_the_bins_that_reach_the_threshold() -> None:
    def at(second: int, n: int) -> list[Packet]:
        octets = ethernet(ipv4(udp(b"x", 1, 2))).octets
        return [Packet(octets, len(octets), 1_500_000_000 + second)] * n

    quiet = [packet for second in range(60) for packet in at(second, 2) if second != 31]
    cap = pf.open(pcap_bytes([*quiet[:62], *at(31, 50), *quiet[62:]]))
    ax = drawn(pf.plot.timeline(cap, "1s", by=None))
    (marks,) = [line for line in ax.lines if line.get_marker() == "v"]
    assert marks.get_ydata().tolist() == [50]


def test_timeline_is_the_same_of_packets_and_of_groups(cap: pf.Capture) -> None:
    lines = [
        what.get_ydata().tolist()
        for what in (
            pf.plot.timeline(cap, "1s").lines[0],
            pf.plot.timeline(cap.packets(["frame_time", "protocol"]), "1s").lines[0],
            cap.count("protocol", every="1s").plot().lines[0],
            cap.count(every="1s").plot().lines[0],
            cap.packets(["frame_time"]).plot(every="1s").lines[0],
        )
    ]
    assert all(line == lines[0] for line in lines)


def test_bins_are_bounded(cap: pf.Capture) -> None:
    with pytest.raises(ValueError, match="100,000 are allowed"):
        pf.plot.timeline(cap, "1us")
    ax = pf.plot.timeline(cap)
    assert 20 <= len(ax.lines[0].get_ydata()) <= 152


def test_ports_of_attempts(cap: pf.Capture, rows: list[dict[str, Any]]) -> None:
    second = 10**9
    points = {
        (row["ip_src"], row["tcp_dstport"], row["frame_time"] // second)
        for row in rows
        if row["tcp_flags_syn"] == 1 and row["tcp_flags_ack"] == 0 and row["ip_src"] is not None
    }
    ax = drawn(pf.plot.ports(cap, every="1s"))
    assert sum(len(line.get_ydata()) for line in ax.lines) == len(points)
    (scan,) = [line for line in ax.lines if line.get_label().startswith("203.0.113.9 ")]
    assert sorted(scan.get_ydata()) == sorted(port for source, port, _ in points if source == "203.0.113.9")
    columns = ["frame_time", "ip_src", "tcp_dstport", "tcp_flags_syn", "tcp_flags_ack"]
    again = pf.plot.ports(cap.packets(columns), every="1s")
    assert sum(len(line.get_ydata()) for line in again.lines) == len(points)


@pytest.mark.parametrize("n", [2, 9, 60])
def test_graph_has_n_nodes_and_one_for_the_rest(cap: pf.Capture, rows: list[dict[str, Any]], n: int) -> None:
    totals: Counter[str] = Counter()
    for row in rows:
        if row["ip_src"] is not None:
            totals.update({row["ip_src"], row["ip_dst"]})
    ax = drawn(pf.plot.graph(cap, n, marked={"203.0.113.66"}))
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == len(ax.collections) == min(n + 1, len(totals))
    assert texts[-1].startswith(f"{len(totals) - n} others") == (len(totals) > n)
    largest = sorted(totals, key=lambda host: (-totals[host], host))[:n]
    assert [text.rpartition(" ")[0] for text in texts[: len(largest)]] == largest
    with pytest.raises(ValueError, match="from 2 to 60"):
        pf.plot.graph(cap, 61)


def test_dns_names_and_clients(cap: pf.Capture, rows: list[dict[str, Any]]) -> None:
    asked = [row for row in rows if row["dns_flags_response"] == 0 and row["dns_qry_name"] is not None]
    queries = Counter(row["dns_qry_name"] for row in asked)
    clients: dict[str, set[str]] = {}
    for row in asked:
        clients.setdefault(row["dns_qry_name"], set()).add(row["ip_src"])
    expected = sorted(queries, key=lambda name: (-queries[name], name))[:12]
    ax = drawn(pf.plot.dns(cap, 12))
    assert widths(ax) == [queries[name] for name in expected]
    assert ticks(ax.yaxis) == expected
    assert [text.get_text().split(" by ")[1].split()[0] for text in ax.texts] == [
        str(len(clients[n])) for n in expected
    ]
    columns = ["dns_qry_name", "dns_flags_response", "ip_src"]
    assert widths(pf.plot.dns(cap.packets(columns), 12)) == widths(ax)


def test_text_off_the_wire_is_shown_as_it_is() -> None:
    hostile = [b"$x^2$", b"\x1b[31m", b"a" * 60 + b"$", b"\xe2\x80\xae"]
    packets = [ethernet(ipv4(udp(query(name), 5000, 53))).octets for name in hostile]
    ax = drawn(pf.plot.dns(pf.open(pcap_bytes(packets))))
    shown = ticks(ax.yaxis)
    assert r"\$x^2\$" in shown
    assert any("\\027" in text for text in shown)
    assert all(text.isprintable() and len(text) < 60 for text in shown)


def query(name: bytes) -> bytes:
    return bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name)]) + name + bytes([0, 0, 1, 0, 1])


def test_empty_captures_draw_a_word_instead() -> None:
    cap = pf.open(pcap_bytes([]))
    for draw in (
        pf.plot.talkers,
        pf.plot.timeline,
        pf.plot.heatmap,
        pf.plot.graph,
        pf.plot.dns,
        pf.plot.ports,
        pf.plot.spectrum,
    ):
        ax = drawn(draw(cap))
        assert len(ax.texts) == 1, draw
    assert len(drawn(pf.plot.histogram({})).texts) == 1


def test_draws_where_it_is_told(cap: pf.Capture) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 2)
    functions = (pf.plot.talkers, pf.plot.timeline, pf.plot.heatmap, pf.plot.graph, pf.plot.dns, pf.plot.ports)
    for ax, draw in zip(axes.flat, functions, strict=True):
        assert draw(cap, ax=ax) is ax
    figure.canvas.draw()
    assert plt.get_fignums() == [figure.number]


def test_confusion_counts_and_shares() -> None:
    truth = ["BENIGN"] * 6 + ["DoS"] * 3 + ["Bot"]
    guess = ["BENIGN"] * 5 + ["DoS"] + ["DoS"] * 2 + ["BENIGN"] + ["DoS"]
    ax = drawn(pf.plot.confusion(truth, guess))
    np.testing.assert_allclose(ax.images[0].get_array(), [[5 / 6, 1 / 6, 0], [1 / 3, 2 / 3, 0], [0, 1, 0]])
    assert ticks(ax.xaxis) == ["BENIGN", "DoS", "Bot"]
    assert sorted(text.get_text() for text in ax.texts) == ["1", "1", "1", "2", "5"]
    with pytest.raises(ValueError, match="'Bot' is not among"):
        pf.plot.confusion(truth, guess, labels=["BENIGN", "DoS"])


def test_precision_and_recall_equal_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the oracle: pip install scikit-learn")
    dice = np.random.default_rng(3)
    truth = dice.random(500) < 0.2
    scores = np.round(truth * 0.5 + dice.normal(0, 0.5, 500), 1)  # with ties
    ax = drawn(pf.plot.precision_recall(truth, {"model": scores}))
    precision, recall, _ = metrics.precision_recall_curve(truth, scores)
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_xdata()[1:], recall[:-1][::-1])
    np.testing.assert_allclose(line.get_ydata()[1:], precision[:-1][::-1])
    assert f"{metrics.average_precision_score(truth, scores):.3f}" in line.get_label()


@pytest.mark.parametrize("period", [1.5, 60.0, 300.0])
def test_spectrum_finds_the_period(period: float) -> None:
    dice = np.random.default_rng(5)
    beacon = np.arange(200) * period * 1e9 + dice.normal(0, 0.01 * period * 1e9, 200)
    noise = dice.uniform(0, 200 * period * 1e9, 100)
    times = (1_500_000_000e9 + np.concatenate([beacon, noise])).astype(np.int64)
    ax = drawn(pf.plot.spectrum(times))
    (told,) = [text.get_text() for text in ax.texts]
    assert float(told.removesuffix(" s")) == pytest.approx(period, rel=0.02)
    power = ax.lines[0].get_ydata()
    assert power.max() > 50


def test_spectrum_finds_nothing_in_chance() -> None:
    for seed in range(20):
        times = np.random.default_rng(seed).integers(0, 3600 * 10**9, 400)
        assert not drawn(pf.plot.spectrum(times)).texts


def test_spectrum_power_is_that_of_the_plain_sum() -> None:
    times = np.sort(np.random.default_rng(2).integers(0, 100 * 10**9, 40))
    ax = pf.plot.spectrum(times, shortest=5.0)
    periods, power = ax.lines[0].get_data()
    phases = 2j * np.pi * (times - times[0])[:, None] / 1e9 / periods
    plain = np.abs(np.exp(phases).sum(axis=0)) ** 2 / len(times)
    np.testing.assert_allclose(power, plain, rtol=0.4, atol=0.4)  # the bins are a quarter of the shortest period


def test_frames_suggest_a_picture(cap: pf.Capture) -> None:
    assert drawn(cap.count("ip_src", "ip_dst", sum="frame_len").plot()).images
    assert len(drawn(cap.count("tcp_dstport", distinct="ip_src").plot(n=4)).patches) == 4
    flows = cap.flows()
    ax = drawn(flows.plot())
    assert len(ax.collections[0].get_offsets()) == len(flows)
    with pytest.raises(ValueError, match="nothing known"):
        cap.packets(["ip_src"]).plot()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda cap: pf.plot.talkers(3), TypeError, "a Capture or a Frame, not 3"),
        (lambda cap: pf.plot.talkers(cap, value="bits"), ValueError, "'packets' or 'octets'"),
        (lambda cap: pf.plot.talkers(cap, 0), ValueError, "from 1 to 60"),
        (lambda cap: pf.plot.histogram(cap), TypeError, "not a Capture"),
        (lambda cap: pf.plot.ports(cap, transport="icmp"), ValueError, "'tcp' or 'udp'"),
        (lambda cap: pf.plot.ports(cap.packets(["ip_src"])), ValueError, "needs the column"),
        (lambda cap: pf.plot.heatmap(cap.packets(["ip_src"])), ValueError, "needs the column ip_dst"),
        (lambda cap: cap.count("ip_src").plot("pie"), ValueError, "not 'pie'"),
        (lambda cap: pf.plot.spectrum([0.5]), TypeError, "int ns"),
        (lambda cap: pf.plot.precision_recall([0, 0], [1, 2]), ValueError, "none of truth"),
    ],
)
def test_mistakes_are_told_in_one_line(cap: pf.Capture, call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as told:
        call(cap)
    assert "\n" not in str(told.value)


def test_grey_tells_lines_apart() -> None:
    from matplotlib.colors import to_rgb

    from pcapframe._plot_style import ALARM, COLOURS, DASHES, PLAIN

    def lightness(colour: str) -> float:
        return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))

    assert all(abs(lightness(a) - lightness(b)) > 0.05 for a, b in itertools.pairwise(COLOURS))
    assert len(set(map(str, DASHES))) == len(COLOURS)
    assert lightness(PLAIN) - lightness(ALARM) > 0.15
