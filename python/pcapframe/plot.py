"""Pictures of captures, counts and flows, drawn with matplotlib.

Each function takes ``ax=None``, draws there or in a new figure, and returns the Axes, to be changed or saved:
``pf.plot.talkers(cap).figure.savefig("talkers.png")``. All of them have one style whose colours differ in lightness as
well, so that they can be told apart in print and by everybody; what stands out is hatched or marked, not only red. Text
off the wire is shown escaped. How much is drawn is bounded; what is left out is said or drawn as one.
"""

from ._plot_counts import dns, flows, heatmap, histogram, talkers
from ._plot_graph import graph
from ._plot_model import confusion, precision_recall
from ._plot_time import ports, spectrum, timeline

__all__ = [
    "confusion",
    "dns",
    "flows",
    "graph",
    "heatmap",
    "histogram",
    "ports",
    "precision_recall",
    "spectrum",
    "talkers",
    "timeline",
]
