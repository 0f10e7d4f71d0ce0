"""Thousands of rotated files in one pass: with the descriptors of a few files, and opened in no time to speak of."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

import pcapframe as pf
import traffic
from captures import Packet, pcap_bytes

resource = pytest.importorskip("resource", reason="limits of descriptors are a matter of POSIX")

FILES, EACH = 5000, 3

ASK = """
import json, os, resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
import pcapframe as pf
begin = time.process_time()
cap = pf.open(sys.argv[1], threads=3)
took = time.process_time() - begin
table = cap.packets(["frame_number", "frame_time", "frame_file"])
told = {
    "took": took,
    "files": len(cap.files),
    "numbers": table["frame_number"].values.tolist(),
    "times": table["frame_time"].fill(0).tolist(),
    "names": len(set(table.to_dict()["frame_file"])),
    "counted": sum(dict(cap.count("ip_src")).values()),
    "flows": len(cap.flows()),
    "batches": sum(len(frame) for frame in cap.batches(["frame_number"], rows=1000)),
    "written": cap.write(sys.argv[2]),
    "between": len(cap.between(1_500_000_100_000_000_000, 1_500_000_102_000_000_000).packets()),
    "open": len(os.listdir("/dev/fd")),
}
print(json.dumps(told))
"""


def make(folder: Path, count: int, suffix: str) -> None:
    frame = traffic.udp("10.0.0.1", "10.0.0.2", 1000, 2000)
    for number in range(count):
        packets = [Packet(frame, len(frame), 1_500_000_000 + number, part) for part in range(EACH)]
        octets = pcap_bytes(packets)
        (folder / f"{number:05}{suffix}").write_bytes(gzip.compress(octets, 1) if suffix.endswith(".gz") else octets)


@pytest.mark.parametrize(("suffix", "count"), [(".pcap", FILES), (".pcap.gz", 300)])
def test_with_64_descriptors(suffix: str, count: int, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    make(folder, count, suffix)
    asked = [sys.executable, "-c", ASK, str(folder / f"*{suffix}"), str(tmp_path / "all.pcapng")]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    packets = count * EACH
    assert told["files"] == told["names"] == count
    assert told["numbers"] == list(range(1, packets + 1))
    assert told["times"] == [
        (1_500_000_000 + number) * 10**9 + 1000 * part for number in range(count) for part in range(EACH)
    ]
    assert told["counted"] == told["batches"] == told["written"] == packets
    assert told["flows"] > 0
    assert told["between"] == 2 * EACH
    assert told["open"] < 20
    assert told["took"] < count * 0.004  # s a file: some 0.04 ms are usual, 0.2 ms where it is compressed


def test_one_that_goes_is_named(tmp_path: Path) -> None:
    make(tmp_path, 100, ".pcap")
    cap = pf.open(str(tmp_path / "*.pcap"))
    (tmp_path / "00050.pcap").unlink()
    with pytest.raises(FileNotFoundError, match=r"00050\.pcap"):
        cap.packets()
