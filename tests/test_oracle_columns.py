"""tshark as an oracle of every column that names a Wireshark field: value by value, on captures of the corpus.

What differs and is no error of ours is a kind with a name in oracle_columns.py; docs/differences.md counts them.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oracle_columns import COMPARED, KINDS, TSHARK, Comparison, tshark_cells

CORPUS = os.environ.get("PCAPFRAME_CORPUS")
pytestmark = [
    pytest.mark.skipif(
        not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures to compare with tshark"
    ),
    pytest.mark.skipif(TSHARK is None, reason="tshark is not installed"),
]

LARGEST = 60_000  # octets of a file of the sample: starting tshark takes longer than reading it
SAMPLE = 60
THREADS = 2

# Columns whose meaning is another than tshark's in most captures; and one capture floods a server with lines that are
# no commands of FTP.
RATHER_OURS = {"frame_interface_id", "frame_interface_name", "ftp_request_command", "kerberos_snamestring"}
# Where a file with a protocol that nothing here walks, or ICMP errors, are much of all that has such a column at all.
RARE = {"ipv6_flow", "ipv6_plen", "ipv6_nxt", "esp_spi", "icmp_ident", "icmp_seq", "ftp_response_arg"}


def captures(largest: int) -> list[Path]:
    folder = Path(CORPUS or "") / "captures"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= largest)
    files = [path for path in files if path.suffix not in (".tsv", ".md", ".txt")]
    if not files:
        pytest.skip(f"no captures in {folder}")
    return files


def compare(files: list[Path]) -> Comparison:
    comparison = Comparison()
    with ThreadPoolExecutor(THREADS) as threads:
        for path, cells in zip(files, threads.map(tshark_cells, files), strict=True):
            comparison.add_file(path, cells)
    return comparison


def check(comparison: Comparison) -> None:
    different = [text for texts in comparison.different.values() for text in texts[:3]]
    assert not different, "\n".join(different)


def test_a_sample_of_the_corpus() -> None:
    files = captures(LARGEST)
    comparison = compare(random.Random(20260101).sample(files, min(SAMPLE, len(files))))
    check(comparison)
    assert comparison.equal["tcp_seq_raw"] > 0
    assert comparison.equal["ip_src"] > 0


@pytest.mark.soak
def test_the_whole_corpus() -> None:
    """Prints the table of docs/differences.md (pytest -s)."""
    comparison = compare(captures(1 << 40))
    print(f"\n{comparison.files:,} captures, {comparison.packets:,} packets\n\n{comparison.table()}")
    check(comparison)
    assert {column for column, *_ in comparison.lines()} == {field.name for field in COMPARED}
    for column, total, equal, _ in comparison.lines():
        least = 0 if column in RATHER_OURS else 0.3 if column in RARE else 0.7
        assert equal >= least * total, column
    assert KINDS.keys() <= {kind for _, kind in comparison.known}, (
        "a kind that fits nothing any more is to be taken out"
    )


def test_kinds_are_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "differences.md").read_text("utf-8")
    assert [kind for kind in KINDS if f". {kind}\n" not in page] == []
