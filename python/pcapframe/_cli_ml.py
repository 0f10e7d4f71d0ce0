"""The verbs ``train``, ``score`` and ``cicids`` of the command, as its parser knows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _command_score, _commands_ml
from ._arguments import Parser, seconds, separated, whole

MODELS = ("logistic", "random_forest", "gradient_boosting", "xgboost", "isolation_forest", "sigma")
SPLITS = ("time", "day", "group", "dedup-random", "random", "none")
LABEL_MAPS = ("published", "groups", "binary")


def _tables(parser: Any) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="TABLE", help="a folder, or .csv, .csv.gz and .parquet files of flows"
    )
    group = parser.add_argument_group("reading")
    group.add_argument("--days", type=separated, metavar="DAY,...", help="only these days")
    group.add_argument(
        "--sample", type=_commands_ml.sample, metavar="N", help="so many rows, or with a point such a share of them"
    )
    group.add_argument(
        "--dtype", choices=["float64", "float32"], default="float64", help="of what is no integer (%(default)s)"
    )
    group.add_argument("--no-progress", action="store_true", help="no bar on standard error for large files")
    parser.add_argument("--json", action="store_true", help="print JSON; docs/cli.md names its keys")


def add(verbs: Any, verb: Callable[..., Any]) -> None:
    """Add the verbs."""
    train = verb(
        verbs, "train", "train a model on labelled flows",
        "Load and clean labelled tables of flows, test a model on a part of them, train it on all, and save it with a "
        "card that tells what it is.",
        "python examples/flow_tables.py tables  # small ones, to try it\n"
        "pcapframe train --model random_forest --split time -o model.skops tables/", _commands_ml.train,
    )  # fmt: skip
    _tables(train)
    train.add_argument("-o", dest="output", required=True, metavar="FILE", help="the model, a .skops file")
    train.add_argument("--model", choices=MODELS, default="random_forest", help="the kind (default: %(default)s)")
    train.add_argument("--split", choices=SPLITS, default="time", help="how it is tested before (default: %(default)s)")
    train.add_argument("--label-map", choices=LABEL_MAPS, help="learn these labels instead of those in the tables")
    train.add_argument(
        "--variant", choices=["cic2017", "corrected"], help="how features are defined, if tables do not tell"
    )
    train.add_argument(
        "--destination-port", action="store_true", help="let it see the destination port, nearly a label"
    )
    train.add_argument("--quantize", choices=["excel"], help="round features as the published files are rounded")
    train.add_argument("--as-it-is", action="store_true", help="do not clean the tables first")
    train.add_argument(
        "--param", type=_commands_ml.parameter, action="append", metavar="NAME=VALUE", help="of the estimator"
    )

    score = verb(
        verbs, "score", "tell what a saved model takes flows for",
        "Make flows of captures or of what passes an interface, or read tables of flows, and tell the class of each.",
        "pcapframe score --model model.skops --reasons 3 examples/lab.pcap\n"
        "pcapframe score --model model.skops --live eth0 --every 10 --filter 'not port 22'", _command_score.score,
    )  # fmt: skip
    score.add_argument("files", nargs="*", metavar="FILE", help="captures, or tables of flows")
    score.add_argument("--model", required=True, metavar="FILE", help="a .skops file that train wrote")
    score.add_argument("--reasons", type=whole, default=0, metavar="N", help="name N features that speak for it")
    score.add_argument(
        "--rows", type=whole, default=10, metavar="N", help="flagged flows to show (default: %(default)s)"
    )
    score.add_argument("--threads", type=whole, metavar="N", help="threads that read captures (default: all)")
    score.add_argument("--no-progress", action="store_true", help="no bar on standard error")
    score.add_argument("--json", action="store_true", help="print JSON; docs/cli.md names its keys")
    score.add_argument("-o", dest="output", metavar="FILE", help="write all flows to a .csv or .json file")
    live = score.add_argument_group("live")
    live.add_argument("--live", metavar="INTERFACE", help="score what passes it until Ctrl-C, and tell flagged flows")
    live.add_argument("--seconds", type=seconds, metavar="S", help="end after so long")
    live.add_argument("--every", type=seconds, default=5.0, metavar="S", help="how often (default: %(default)s)")
    live.add_argument("--filter", metavar="TEXT", help="only packets that match, written as for tcpdump")

    cicids = verb(
        verbs, "cicids", "the data set CICIDS2017: load, clean, verify, rebuild",
        "What is done with the data set before a model is trained.", "pcapframe cicids verify TrafficLabelling/", None,
    )  # fmt: skip
    parts = cicids.add_subparsers(title="parts", metavar="PART", parser_class=Parser, required=True)
    load = verb(
        parts, "load", "what is in tables of flows",
        "Load tables in any published shape and tell rows, labels and what was met; -o writes them as one file.",
        "python examples/flow_tables.py tables  # small ones, to try it\n"
        "pcapframe cicids load tables/ -o flows.csv", _commands_ml.cicids_load,
    )  # fmt: skip
    clean = verb(
        parts, "clean", "tables of flows without what spoils training",
        "Load tables, take out what spoils training and tell how much it was.",
        "python examples/flow_tables.py tables  # small ones, to try it\n"
        "pcapframe cicids clean tables/ -o clean.csv --label-map groups", _commands_ml.cicids_clean,
    )  # fmt: skip
    for parser in (load, clean):
        _tables(parser)
        parser.add_argument("-o", dest="output", metavar="FILE", help="write the rows to a .parquet or .csv file")
    clean.add_argument(
        "--nonfinite", choices=["drop", "sentinel", "keep"], default="drop", help="NaN and infinities (%(default)s)"
    )
    clean.add_argument(
        "--negative", choices=["keep", "drop"], default="keep", help="negative durations and gaps (%(default)s)"
    )
    clean.add_argument("--keep-duplicates", action="store_true", help="keep rows that agree in all features")
    clean.add_argument("--drop-constant", action="store_true", help="drop columns that hold one value")
    clean.add_argument("--drop-fragments", action="store_true", help="drop what is left of teardowns")
    clean.add_argument("--label-map", choices=LABEL_MAPS, help="map the labels")
    verify = verb(
        parts, "verify", "whether a folder holds the published files",
        "Compare names, MD5 digests, rows and labels with the published ones; exit code 3 if something differs.",
        "pcapframe cicids verify MachineLearningCVE/", _commands_ml.cicids_verify,
    )  # fmt: skip
    verify.add_argument("folder", metavar="FOLDER")
    verify.add_argument("--json", action="store_true", help="print JSON")
    rebuild = verb(
        parts, "rebuild", "the data set made anew from its captures",
        "Make labelled flows of the five captures, one Parquet file each; what is there already is kept.",
        "pcapframe cicids rebuild PCAPs/ -o flows/ --published TrafficLabelling/", _commands_ml.cicids_rebuild,
    )  # fmt: skip
    rebuild.add_argument("folder", metavar="FOLDER", help="of Monday-WorkingHours.pcap and so on, or one capture")
    rebuild.add_argument("-o", dest="output", required=True, metavar="FOLDER", help="where to write")
    rebuild.add_argument(
        "--variant", choices=["cic2017", "corrected"], default="cic2017", help="of the flows (%(default)s)"
    )
    rebuild.add_argument("--compat", choices=["fork"], help="without the repairs of the variant corrected")
    rebuild.add_argument("--schedule", metavar="FILE", help="another schedule of attacks")
    rebuild.add_argument("--published", metavar="FOLDER", help="published tables with addresses, to compare with")
    rebuild.add_argument("--no-progress", action="store_true", help="no lines while it runs")
    rebuild.add_argument("--json", action="store_true", help="print JSON")
