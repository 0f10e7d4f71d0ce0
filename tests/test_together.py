"""Several questions in one reading: each has the answer that it has alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from pcapframe import _core, _flows
from pcapframe._hosts_seen import COLUMNS

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
RULES = (False, False, False)
FLOWS = _flows.native_options(_flows.resolved("corrected", None, {}))


def group(*fields: str, top: int = 0) -> tuple[Any, ...]:
    return fields, 0, (), False, False, top, False, False


def questions() -> list[tuple[str, tuple[Any, ...]]]:
    indicators = pf.Indicators.from_values(["192.168.10.0/24", "example.com"])._native()
    return [
        ("census", ()),
        ("ioc_counts", (RULES,)),
        ("detect", ((0, 0, 0), RULES, True)),
        ("detect_text", ()),
        ("match", (indicators,)),
        ("flows", (FLOWS,)),
        ("group", group("ip_src", "tcp_dstport")),
        ("group", group("protocol", top=3)),
    ]


def plain(answer: Any) -> Any:
    """Values that can be compared."""
    if isinstance(answer, _core.Frame):
        return pf.Frame(answer).to_dict()
    if isinstance(answer, _core.Counts | _core.TextCounts):
        return answer.to_dict()
    if isinstance(answer, dict):
        return {name: plain(each) for name, each in answer.items()}
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]
    return answer


@pytest.mark.parametrize("threads", [1, 3])
def test_each_has_the_answer_it_has_alone(threads: int) -> None:
    cap = pf.open(LAB, threads=threads)
    answers, _ = cap._together(questions())
    for (name, arguments), answer in zip(questions(), answers, strict=True):
        alone, _ = cap._run(getattr(_core, name), *arguments)
        assert repr(plain(answer)) == repr(plain(alone)), name  # nan is nan


@pytest.mark.parametrize("rows", [1, 7, 1000, 10**9])
def test_batches_are_those_of_one_who_waits_for_them(rows: int) -> None:
    cap = pf.open(LAB)
    packets: list[Any] = []
    flows: list[Any] = []
    cap._together(
        [
            ("batches", (tuple(COLUMNS), rows, packets.append)),
            ("flow_batches", (FLOWS, rows, flows.append)),
            ("census", ()),
        ]
    )
    assert [plain(each) for each in packets] == [frame.to_dict() for frame in cap.batches(COLUMNS, rows=rows)]
    assert repr([plain(each) for each in flows]) == repr([frame.to_dict() for frame in cap.flow_batches(rows=rows)])


def test_what_a_taker_raises_ends_the_pass_and_the_capture_stays_usable() -> None:
    cap = pf.open(LAB)

    def refuse(_: Any) -> None:
        raise LookupError("no more")

    for rows in (1, 10**9):  # amid the pass, and behind it
        with pytest.raises(LookupError, match="no more"):
            cap._together([("census", ()), ("batches", (("frame_number",), rows, refuse))])
    assert cap.info(full=True).packets


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ([], ValueError, "1 to 64"),
        ([("census", ())] * 65, ValueError, "1 to 64"),
        ([("flows", (FLOWS,)), ("nothing", ())], ValueError, "no question nothing"),
        ([("census", ()), ("census", ())], ValueError, "once"),
        ([("flows", (FLOWS,)), ("census", (1,))], TypeError, "census"),
        ([("detect_text", ()), ("group", group("nothing"))], KeyError, "nothing"),
        ([("batches", (("frame_number",), 0, print))], ValueError, "rows"),
        ([("flow_batches", ((), 1, print))], TypeError, "flow options"),
        ([("detect", ((-1, 0, 0), None, False)), ("match", ((),))], ValueError, "window"),
        ([("match", (None,))], TypeError, "Indicators"),
        (["census"], TypeError, "name"),
    ],
)
def test_wrong_questions_are_refused_before_anything_is_read(asked: Any, error: Any, message: str) -> None:
    cap = pf.open(LAB)
    with pytest.raises(error, match=message):
        cap._together(asked)
    assert cap.info(full=True).packets
