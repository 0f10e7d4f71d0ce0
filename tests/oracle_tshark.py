"""tshark's reading of a file beside the twin's: the table of differences is the one of `pcapframe check`."""

from __future__ import annotations

from pathlib import Path

import naive
from pcapframe import _tshark
from pcapframe._tshark import COMPARED, TSHARK

__all__ = ["COMPARED", "TSHARK", "Comparison"]


class Comparison(_tshark.Comparison):
    def add_file(self, file: bytes, folder: Path) -> None:
        _, records, _ = naive.read_pcap(file)
        path = folder / "for-tshark.pcap"
        path.write_bytes(file)
        for record, theirs in zip(records, _tshark.tshark_rows(path), strict=True):
            self.add(naive.decode(record), theirs, record.link_type, record.octets)
