"""The labels of the data set, and the maps between their spellings and groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._frame_column import import_pandas

BENIGN = "BENIGN"
ATTEMPTED = " - Attempted"

# The 15 published labels, with the dash of the web attacks plain.
PUBLISHED = (
    BENIGN,
    "FTP-Patator",
    "SSH-Patator",
    "DoS slowloris",
    "DoS Slowhttptest",
    "DoS Hulk",
    "DoS GoldenEye",
    "Heartbleed",
    "Web Attack - Brute Force",
    "Web Attack - XSS",
    "Web Attack - Sql Injection",
    "Infiltration",
    "Bot",
    "PortScan",
    "DDoS",
)

# What the corrected releases and common extracts call them. The second step of the infiltration is a port scan.
SPELLINGS = {
    "Benign": BENIGN,
    "Botnet": "Bot",
    "Bot (Ares)": "Bot",
    "Portscan": "PortScan",
    "Infiltration - Portscan": "PortScan",
    "DoS Slowloris": "DoS slowloris",
    "Web Attack - SQL Injection": "Web Attack - Sql Injection",
}

# The attack profiles of the data set's paper, and the port scan, which its tables show apart.
GROUPS = {
    BENIGN: BENIGN,
    "FTP-Patator": "Brute Force",
    "SSH-Patator": "Brute Force",
    "DoS slowloris": "DoS",
    "DoS Slowhttptest": "DoS",
    "DoS Hulk": "DoS",
    "DoS GoldenEye": "DoS",
    "Heartbleed": "Heartbleed",
    "Web Attack - Brute Force": "Web Attack",
    "Web Attack - XSS": "Web Attack",
    "Web Attack - Sql Injection": "Web Attack",
    "Infiltration": "Infiltration",
    "Bot": "Botnet",
    "PortScan": "PortScan",
    "DDoS": "DDoS",
}

LABEL_MAPS = ("published", "groups", "binary")


def is_benign(label: str) -> bool:
    """Tell whether a label means no attack."""
    return label.casefold() in ("benign", "normal")


def _one(label: str, label_map: str) -> str | None:
    if label_map == "binary":
        return BENIGN if is_benign(label) or label.endswith(ATTEMPTED) else "ATTACK"
    if label.endswith(ATTEMPTED):  # without a payload of the attacker's there was no attack
        return BENIGN
    published = SPELLINGS.get(label, label)
    if published not in PUBLISHED:
        return None
    return published if label_map == "published" else GROUPS[published]


def is_published(label: str) -> bool:
    """Tell whether a label is one of the data set's, however a release spells it."""
    return _one(label, "published") is not None


def mapped(labels: Any, label_map: str | dict[str, str]) -> Any:
    """Map a column of labels; each distinct one is looked up once.

    ``"published"`` gives the 15 published spellings, ``"groups"`` the attack profiles of the paper, ``"binary"`` BENIGN
    and ATTACK. ``X - Attempted`` becomes BENIGN in each.

    Raises
    ------
    ValueError
        A label is not in the map, or missing.
    """
    pandas = import_pandas("cicids")
    if not isinstance(label_map, dict) and label_map not in LABEL_MAPS:
        raise ValueError(f"label_map: {', '.join(map(repr, LABEL_MAPS))} or a dict, not {label_map!r}")
    codes, unique = pandas.factorize(labels, use_na_sentinel=True)
    if (codes < 0).any():
        raise ValueError(f"{int((codes < 0).sum()):,} rows have no label")
    texts = [str(label) for label in unique]
    found = [label_map.get(text) if isinstance(label_map, dict) else _one(text, label_map) for text in texts]
    strange = [text for text, label in zip(texts, found, strict=True) if label is None]
    if strange:
        what = "the map" if isinstance(label_map, dict) else f"label_map={label_map!r}"
        listed = ", ".join(map(repr, strange[:5])) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
        raise ValueError(f"unknown label for {what}: {listed}")
    names = list(dict.fromkeys(str(label) for label in found))
    table = np.array(
        [names.index(str(label)) for label in found] or [0], dtype=np.int8 if len(names) < 100 else np.int32
    )
    return pandas.Categorical.from_codes(table[codes] if len(codes) else [], categories=names)
