"""Questions that take the order of all packets, asked of pieces: flows, findings, and hits of single packets."""

from __future__ import annotations

import pickle
import random
import struct
import weakref
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_flows
import pcapframe as pf
from captures import ethernet, ipv4, tcp
from captures_ng import enhanced, interface, section
from pcapframe import _core, _pieces
from test_pieces import QUESTIONS, SOUGHT, answer_of, by_pieces, check_equal, lab, plain, together


def test_hashes_of_two_cuts_do_not_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retransmissions are told by hashes, so all pieces of flows are of one cut; missing() gives more of it."""
    path, pieces = lab(tmp_path)
    part, findings = pieces[0].flows(), pieces[0].detect()
    sent = pickle.dumps(pieces[1])
    monkeypatch.setattr(_pieces, "_PLANS", weakref.WeakValueDictionary())  # as in another process
    cap = pf.open(path)
    others = cap.partitions("10kB")
    assert others[0].plan == pieces[0].plan
    for mine in (part, pickle.loads(pickle.dumps(part))):
        with pytest.raises(pf.CaptureError, match=r"^flows: partials of two calls of Capture\.partitions"):
            mine + others[1].flows()
        some = mine + pickle.loads(sent).flows()
        whole = together([some, *(piece.flows() for piece in some.missing())], random.Random(7))
        assert plain(whole.finish()) == plain(cap.flows())
    whole = together([findings, *(piece.detect() for piece in others[1:])], random.Random(8))
    assert plain(whole.finish()) == plain(pf.detect(cap))


def test_questions_of_order_that_pieces_cannot_answer(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    for extra in ("tls", "retrans"):
        with pytest.raises(pf.CaptureError, match=r"^flows: extra columns of messages .* depend on the pieces before"):
            pieces[1].flows(extra=["rtt", extra])
    names = pf.Indicators.from_values(["example.com"])
    with pytest.raises(pf.CaptureError, match=r"^match: all but url and user_agent stands in messages"):
        pieces[1].match(names)
    with pytest.raises(pf.CaptureError, match=r"^match: flows= takes all packets in order"):
        pieces[1].match(SOUGHT, flows=True)
    with pytest.raises(pf.CaptureError, match=r"^partials of different questions: match"):
        pieces[0].match(SOUGHT) + pieces[1].match(pf.Indicators.from_values(["x"], "user_agent"))
    for wrong in (lambda: pieces[0].match("example.com"), lambda: pieces[0].flows(no_such=1),
                  lambda: pieces[0].detect(no_such=1), lambda: pieces[0].detect(window=1.5)):  # fmt: skip
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="variant"):
        pieces[0].flows("2019")
    cap = pf.open(path)
    whole = cap.partitions(None)[0]
    everything = {"extra": ["tls", "dns", "http", "rtt", "state", "retrans"]}
    assert plain(whole.flows(**everything).finish()) == plain(cap.flows(**everything))
    assert plain(whole.match(names).finish()) == plain(cap.match(names))
    narrowed = cap.filter(tcp_stream=slice(0, 9)).partitions("10kB")
    for question, arguments in (("flows", ()), ("detect", ()), ("match", (SOUGHT,))):
        with pytest.raises(pf.CaptureError, match="tcp_stream: depends on segments"):
            narrowed[0].run(question, *arguments)


def test_a_piece_whose_interfaces_are_guessed_wrong_is_no_error(tmp_path: Path) -> None:
    """Up to its exact start a piece may take its packets for those of a link type that flows cannot take."""
    frame = ethernet(ipv4(tcp())).octets
    packets = [enhanced(frame, 1_500_000_000_000_000 + n) for n in range(20)]
    path = tmp_path / "sections.pcapng"
    unknown = struct.pack("<II", 0x0BAD, 70_012) + bytes(70_000) + struct.pack("<I", 70_012)  # behind it nobody looks
    path.write_bytes(section() + interface(105) + unknown + section() + interface(1) + b"".join(packets))
    cap = pf.open(path)
    pieces = cap.partitions(300)
    assert together([piece.flows() for piece in pieces], random.Random(1)).missing(), "no guess was wrong"
    assert plain(by_pieces(cap, 300, "flows")) == plain(cap.flows())
    path.write_bytes(section() + interface(1) + interface(105) + b"".join(packets) + enhanced(frame, number=1))
    cap = pf.open(path)
    with pytest.raises(ValueError, match=r"^packet 21 has link type 105") as error:
        cap.flows()
    with pytest.raises(pf.CaptureError, match=r"^packet 21 has link type 105") as again:
        by_pieces(cap, 300, "flows")
    assert str(again.value) == str(error.value)


def test_findings_beyond_the_bounds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one machine warns of at its bounds, `finish` does: at the line that asked it."""
    _, pieces = lab(tmp_path)
    real = _core.detect_from
    monkeypatch.setattr(_core, "detect_from", lambda made, bounds, text: real(made, (bounds[0], 3, 5), text))
    whole = together([piece.detect() for piece in pieces], random.Random(3))
    with pytest.warns(pf.CaptureWarning, match="^detect: beyond the bounds") as caught:
        whole.finish()
    assert Path(caught[0].filename) == Path(__file__)


def test_answers_where_the_file_is_not(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    cap = pf.open(path)
    for question, arguments in (("flows", ()), ("detect", ()), ("match", (SOUGHT,))):
        one = answer_of(cap, question, *arguments)
        whole = together([piece.run(question, *arguments) for piece in pieces], random.Random(2))
        path.rename(tmp_path / "elsewhere")
        found = whole.finish()
        (tmp_path / "elsewhere").rename(path)
        assert found.to_dict() == one.to_dict()
        assert (type(found[1:]), found[1:].to_dict()) == (type(one), one[1:].to_dict())
        assert found[found.columns[:1]].shape == (len(one), 1)
        assert pickle.loads(pickle.dumps(found)).to_dict() == one.to_dict()
        assert len(one) > 1


@settings(max_examples=40, deadline=None)
@given(octets=captures_flows.st_flow_capture(), size=st.integers(100, 3000), seed=st.integers(0, 9999), data=st.data())
def test_any_cut_of_flows_gives_the_answer(octets: bytes, size: int, seed: int, data: st.DataObject) -> None:
    which = data.draw(st.sampled_from([n for n, each in enumerate(QUESTIONS) if each[0] in ("flows", "detect")]))
    check_equal([octets], size, which, seed)
