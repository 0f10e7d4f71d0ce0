"""Draw docs/_static/lab.png, the picture of README.md: what one pass each says of examples/lab.pcap.

python tools/picture.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt

import pcapframe as pf

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Who sends most, beside when and to which ports connections were opened."""
    cap = pf.open(ROOT / "examples" / "lab.pcap", progress=False)
    sources = cap.count("ip_src")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", width_ratios=(1, 1.25))
    pf.plot.talkers(sources, n=8, threshold=pf.set_threshold(sources), ax=left)
    pf.plot.ports(cap, ax=right)
    # Without the version of matplotlib: the same picture gives the same file.
    figure.savefig(ROOT / "docs" / "_static" / "lab.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
