"""The commands that capture, and scores of what passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pcapframe as pf
from test_live import HERE, background
from wire import Wire, real, until

# --- the command -----------------------------------------------------------------------------------------------------


@real
def test_the_command(wire: Wire, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pcapframe.cli import main

    sender = background(lambda: wire.send(300, 10_000))
    path = tmp_path / "now.pcapng"
    assert main(["capture", wire.near, "--packets", "300", "--seconds", "30", "-o", str(path), "--json"]) == 0
    sender.join()
    told = json.loads(capsys.readouterr().out)
    assert (told["packets"], told["received"], told["dropped"], told["files"]) == (300, 300, 0, [str(path)])
    assert main(["capture", wire.near, "--seconds", "0.1"]) == 0
    assert "packets       0" in capsys.readouterr().out
    assert main(["capture", "nowhere0", "--seconds", "0.1"]) == 2
    assert "no such interface" in capsys.readouterr().err


@real
def test_what_passes_is_scored(wire: Wire, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pytest.importorskip("skops", reason="skops is not installed")
    from pcapframe.cli import main

    known = pf.open(HERE.parent / "examples" / "lab.pcap").flows()
    rule = pf.models.make_model("sigma", k=0.001).fit(known)
    pf.models.save(rule, tmp_path / "rule.skops")
    with pf.live(wire.near) as live:
        with pytest.raises(ValueError, match="score: no flows"):
            pf.models.score(live, rule)
        wire.send(70, 0)
        assert until(lambda: live.stats.packets == 70)
        scores = pf.models.score(live, rule)
        recorded = live.capture()
    assert len(scores) == 7  # ports
    assert scores["flow_id"].tolist() == pf.models.score(recorded, rule)["flow_id"].tolist()
    assert len(recorded.packets_of(scores[scores["class"] == "ATTACK"])) == 70

    sender = background(lambda: wire.send(70, 0))
    given = ["score", "--model", str(tmp_path / "rule.skops"), "--live", wire.near]
    assert main([*given, "--seconds", "2", "--every", "0.2", "--rows", "0"]) == 0
    sender.join()
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if " -> " in line]) == 7  # each once, though they are scored ten times
    assert "7 flows" in lines
    assert main([*given, "--seconds", "0.1", "--json"]) == 2
    assert "score: no flows on" in capsys.readouterr().err
    assert main([*given, "capture.pcap"]) == 2
    assert main([*given, "--seconds", "0"]) == 2
