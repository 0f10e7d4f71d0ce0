"""Whether a folder holds the published data set, whole and unchanged."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

from . import _given
from ._cicids_files import SUFFIXES, describe
from ._cicids_read import load
from ._frame_column import import_pandas

HOW_TO_GET = """\
CICIDS2017 is given out by the Canadian Institute for Cybersecurity, University of New Brunswick:
  https://www.unb.ca/cic/datasets/ids-2017.html (a form, then a folder per kind of data)
MachineLearningCSV.zip holds the folder MachineLearningCVE (79 columns), GeneratedLabelledFlows.zip the folder
TrafficLabelling (85 columns, with addresses and times), PCAPs the five captures."""

_TAIL = ".pcap_ISCX.csv"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Published:
    """A published file of MachineLearningCVE: rows, labels, MD5. GeneratedLabelledFlows has the same rows."""

    name: str
    rows: int
    labels: dict[str, int]
    md5: str


# Row and label counts, and MD5 digests as third-party audits of the data set give them.
PUBLISHED = (
    Published("Monday-WorkingHours", 529_918, {"BENIGN": 529_918}, "12ca72e319041856f6410e9a14d40581"),
    Published(
        "Tuesday-WorkingHours",
        445_909,
        {"BENIGN": 432_074, "FTP-Patator": 7_938, "SSH-Patator": 5_897},
        "df16dccfd59a4ee126690fd6b71ee0a4",
    ),
    Published(
        "Wednesday-workingHours",
        692_703,
        {
            "BENIGN": 440_031, "DoS Hulk": 231_073, "DoS GoldenEye": 10_293, "DoS slowloris": 5_796,
            "DoS Slowhttptest": 5_499, "Heartbleed": 11,
        },
        "bf0dd7e9d991987df4e13ea58a1b409c",
    ),
    Published(
        "Thursday-WorkingHours-Morning-WebAttacks",
        170_366,
        {
            "BENIGN": 168_186, "Web Attack - Brute Force": 1_507, "Web Attack - XSS": 652,
            "Web Attack - Sql Injection": 21,
        },
        "13e1c70d2b380bf5d90f82e60e7befb1",
    ),
    Published(
        "Thursday-WorkingHours-Afternoon-Infilteration",
        288_602,
        {"BENIGN": 288_566, "Infiltration": 36},
        "29ab45bfe378d983552a801d0a90cac8",
    ),
    Published(
        "Friday-WorkingHours-Morning", 191_033, {"BENIGN": 189_067, "Bot": 1_966}, "134224ec64782709ae1078379f72c4fa"
    ),
    Published(
        "Friday-WorkingHours-Afternoon-PortScan",
        286_467,
        {"PortScan": 158_930, "BENIGN": 127_537},
        "4892380364f9c7ef297d3094d19f26bf",
    ),
    Published(
        "Friday-WorkingHours-Afternoon-DDos",
        225_745,
        {"DDoS": 128_027, "BENIGN": 97_718},
        "b2b2764e4c8a4c390506de7ee81c32ee",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class FileCheck:
    """What is known of one file: `state` is ``ok``, ``missing``, ``changed`` or ``other``; `note` says why."""

    name: str
    state: str
    rows: int | None
    note: str


@dataclass(frozen=True)
class Verification:
    """The published files of a folder, one by one. It is true when all are there and as published."""

    folder: str
    files: tuple[FileCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether all eight are there and as published."""
        return all(file.state == "ok" for file in self.files if file.state != "other")

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        wide = max(len(file.name) for file in self.files)
        lines = [f"{file.name:{wide}}  {file.state:8}{file.note}" for file in self.files]
        if any(file.state == "missing" for file in self.files):
            lines += ["", HOW_TO_GET]
        return "\n".join(lines)

    __repr__ = __str__


def _md5(path: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while octets := file.read(_CHUNK):
            digest.update(octets)
    return digest.hexdigest()


def _checked(path: str, published: Published) -> FileCheck:
    name = published.name + _TAIL
    if path.endswith(".csv") and _md5(path) == published.md5:
        return FileCheck(name, "ok", published.rows, f"{published.rows:,} rows, the published octets")
    try:
        table = load(path, columns=["Label"])
    except ValueError as error:
        return FileCheck(name, "changed", None, str(error))
    labels = {str(label): int(count) for label, count in table["Label"].value_counts().items() if count}
    if labels == published.labels and len(table) == published.rows:
        shape = len(describe(path).names)
        known = "the published rows per label" + ("" if shape == 85 else ", other octets")
        return FileCheck(name, "ok", len(table), f"{len(table):,} rows, {known}")
    told = [f"{len(table):,} rows where {published.rows:,} were published"] if len(table) != published.rows else []
    for label in sorted({*labels, *published.labels}):
        ours, theirs = labels.get(label, 0), published.labels.get(label, 0)
        if ours != theirs:
            told.append(f"{label} {ours:,} where {theirs:,} were published")
    return FileCheck(name, "changed", len(table), "; ".join(told))


def verify(folder: str | os.PathLike[str]) -> Verification:
    """Compare a folder with the published data set: names, MD5 digests, rows and labels.

    Parameters
    ----------
    folder : path
        ``MachineLearningCVE`` or ``TrafficLabelling`` (GeneratedLabelledFlows) as published, in plain or in ``.csv.gz``
        files. Only of the former are MD5 digests known; else rows and labels are counted.

    Returns
    -------
    Verification
        True when all eight files are as published. It prints as a table, and with how to get what is missing.

    Raises
    ------
    NotADirectoryError
        `folder` is none.
    """
    import_pandas("cicids.verify")
    where = _given.path("folder", folder)
    if not os.path.isdir(where):
        raise NotADirectoryError(20, "No such folder", where)
    there: dict[str, str] = {name.lower(): os.path.join(where, name) for name in os.listdir(where)}
    checks: list[FileCheck] = []
    used: set[str] = set()
    for published in PUBLISHED:
        spellings = [(published.name + _TAIL).lower() + more for more in ("", ".gz")]
        found = next((there[name] for name in spellings if name in there), None)
        if found is None:
            checks.append(FileCheck(published.name + _TAIL, "missing", None, f"{published.rows:,} rows"))
        else:
            used.add(found)
            checks.append(_checked(found, published))
    for path in sorted(set(there.values()) - used):
        if path.lower().endswith(SUFFIXES):
            checks.append(FileCheck(os.path.basename(path), "other", None, "no file of the data set's"))
    return Verification(where, tuple(checks))


def as_dict(verification: Verification) -> dict[str, Any]:
    """What the command prints as JSON."""
    files = [{"name": f.name, "state": f.state, "rows": f.rows, "note": f.note} for f in verification.files]
    return {"folder": verification.folder, "ok": verification.ok, "files": files}
