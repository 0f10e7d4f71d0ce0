"""The command ``pcapframe``: one verb per method of a capture. docs/cli.md is its reference."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import pcapframe

from . import _arguments as arg
from . import (
    _cli_ml,
    _command_detect,
    _command_groups,
    _command_hosts,
    _command_index,
    _command_match,
    _command_packets,
    _command_report,
    _commands,
)
from ._arguments import Parser
from ._commands import DNS_TITLES, DONE, ROWS, SEQ_TITLES, SIGMA, Usage
from ._display import printable, width
from ._flows import GROUPS, NAMES, PROTOCOLS, VARIANTS
from ._group import ASKS
from .detectors import SEVERITIES
from .errors import CaptureWarning, FilterError, PcapframeError

DAMAGED, UNUSABLE, INTERRUPTED = 1, 2, 130  # _commands has 0 and 3

FIRST = {
    "info": "begin here: what is in it",
    "counts": "who stands out, by DNS, source address, TCP",
    "packets": "packets as rows, with any columns",
    "flows": "connections, with the CICIDS2017 features",
    "hosts": "who is there: addresses, names, roles",
}


# --------------------------------------------------------------------------------------------------------- reading


def _has_filter() -> bool:
    return "filter" in inspect.signature(pcapframe.open).parameters


def _verb(verbs: Any, name: str, summary: str, text: str, example: str, run: Callable[..., int] | None) -> Parser:
    parser: Parser = verbs.add_parser(
        name,
        help=summary,
        description=textwrap.fill(text, arg.help_width()),
        epilog=f"example:\n{textwrap.indent(example, '  ')}",
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def _common(parser: Parser, several: bool = True, needed: bool = True) -> None:
    if several:
        parser.add_argument(
            "files",
            nargs="+" if needed else "*",
            metavar="FILE",
            help="a capture; several are one, globs work, - is standard input",
        )
    else:
        parser.add_argument("files", nargs=1, metavar="FILE", help="a capture")
    group = parser.add_argument_group("reading")
    if several and _has_filter():
        group.add_argument("--filter", metavar="TEXT", help="only packets that match, written as for tcpdump")
        group.add_argument(
            "--where",
            type=arg.where,
            action="append",
            metavar="NAME=VALUE,...",
            help="only packets whose column has one of the values; LO..HI is from LO on and below HI, nothing is none",
        )
    group.add_argument(
        "--threads", type=arg.whole, metavar="N", help="threads that read and decode (default: all there are)"
    )
    group.add_argument("--strict", action="store_true", help="a damaged capture is an error")
    group.add_argument("--no-progress", action="store_true", help="no bar on standard error for large captures")
    parser.add_argument("--json", action="store_true", help="print JSON; docs/cli.md names its keys")


def _rules(parser: Parser) -> None:
    group = parser.add_argument_group("what counts")
    group.add_argument("--compat", choices=["scapy"], help="count as a loop over scapy's packets does")
    group.add_argument(
        "--dns-rule",
        choices=list(DNS_TITLES),
        help="replies without an answer, or with NXDOMAIN (default: empty)",
    )
    group.add_argument(
        "--seq-rule",
        choices=list(SEQ_TITLES),
        help="all segments, or those with payload, SYN or FIN (default: all)",
    )


def _groups(parser: Parser) -> None:
    group = parser.add_argument_group("by fields (docs/counting.md)")
    group.add_argument("--by", type=arg.fields, metavar="FIELD,...", help="group by these columns")
    group.add_argument("--every", metavar="LENGTH", help="in bins of time: 500ms, 1s, 5min, 1h, 1d")
    for ask in ASKS:
        what = "count the different values" if ask == "distinct" else f"add the {ask}"
        group.add_argument(f"--{ask}", type=arg.fields, metavar="FIELD,...", help=f"{what} of these columns")
    group.add_argument("--gaps", action="store_true", help="add the time between successive packets, in ns")
    group.add_argument("--fill", action="store_true", help="add the bins without packets")
    group.add_argument("--approx", action="store_true", help="count different values to about 1 %% with little memory")
    group.add_argument("--keep-nulls", action="store_true", help="keep packets that lack a column of --by")
    group.add_argument("--rows", type=arg.whole, metavar="N", help=f"rows to show (default: {ROWS})")


def _counts(given: argparse.Namespace) -> int:
    return _command_groups.counts(given) if _command_groups.is_grouped(given) else _commands.counts(given)


def _parser() -> Parser:
    parser = Parser(
        prog="pcapframe",
        description="Packets in, frames out: ask network captures questions.",
        epilog=textwrap.fill(
            "exit codes: 0 done; 1 the capture is damaged, what is readable was used; 2 wrong usage or unusable input; "
            "3 detect --fail-on found something, check or cicids verify an unexplained difference",
            arg.help_width(),
        )
        + "\n\nexample:\n  pcapframe info examples/lab.pcap",
    )
    parser.add_argument("--version", action="version", version=f"pcapframe {pcapframe.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=Parser)

    info = _verb(
        verbs, "info", "what a capture is",
        "Say what a capture is: format, link types, size, first packet.",
        "pcapframe info --full examples/lab.pcap", _commands.info,
    )  # fmt: skip
    _common(info)
    info.add_argument("--full", action="store_true", help="read all of it: packets, last packet, what is damaged")

    index = _verb(
        verbs, "index", "read a large capture once, so that parts of it are found at once",
        "Write NAME.pfx beside each capture, or into the user's cache folder where that cannot be written: where in it "
        "which times are. Capture.between then reads only what may hold them.",
        "pcapframe index examples/lab.pcap -o lab.pfx", _command_index.index,
    )  # fmt: skip
    _common(index)
    index.add_argument("-o", dest="output", metavar="PATH", help="the file to write, or the folder of several")
    index.add_argument("--cache", action="store_true", help="write into the user's cache folder")

    counts = _verb(
        verbs, "counts", "packets by anything, or the three indicator counts and which keys stand out",
        "Count DNS replies without an answer per client, packets per source address and packets per TCP sequence "
        "number; keys at or above mean + K standard deviations are suspicious. With --by, --every or an aggregate, "
        "count packets by the values of fields instead.",
        "pcapframe counts --kind dns,ip --sigma 3 examples/lab.pcap\n"
        "pcapframe counts --by protocol --every 1s --sum frame_len examples/lab.pcap\n"
        "pcapframe counts --by ip_src --distinct tcp_dstport examples/lab.pcap\n"
        "pcapframe counts 'day-*.pcap' -o counts.csv", _counts,
    )  # fmt: skip
    _common(counts)
    _rules(counts)
    counts.add_argument("--kind", type=arg.kinds, metavar="KIND,...", help="of dns, ip, seq (default: all)")
    counts.add_argument(
        "--sigma", type=arg.number, metavar="K", help=f"the threshold is mean + K sigma (default: {SIGMA:g})"
    )
    counts.add_argument(
        "--top",
        type=arg.whole,
        metavar="N",
        help=f"keys to show of each kind (default: {ROWS}); with --by the groups to keep (default: all)",
    )
    counts.add_argument("-o", dest="output", metavar="FILE", help="write all keys to a .csv or .json file")
    _groups(counts)

    packets = _verb(
        verbs, "packets", "packets as rows, with any columns",
        "Give packets as rows: the first ones in a table, or all of them in a file, which its suffix says the kind of: "
        ".parquet, .arrow, .csv, .json (an object a line), or .pcap and .pcapng for the packets themselves.",
        "pcapframe packets --columns frame_time,ip_src,dns_qry_name examples/lab.pcap\n"
        "pcapframe packets --where tcp_dstport=22,2222 --columns 'ip,tcp_*' -o ssh.csv examples/lab.pcap\n"
        "pcapframe packets --list",
        _command_packets.packets,
    )  # fmt: skip
    _common(packets, needed=False)
    packets.add_argument("--list", action="store_true", help="list all columns, or those of --columns, and end")
    packets.add_argument(
        "--columns", type=arg.names, metavar="NAME,...", help="columns, groups (tcp) and patterns (tcp_*) to give"
    )
    packets.add_argument(
        "--rows",
        type=arg.whole,
        default=ROWS,
        metavar="N",
        help="rows to show in the terminal (default: %(default)s)",
    )
    packets.add_argument("-o", dest="output", metavar="FILE", help="write all packets to this file")

    select = _verb(
        verbs, "select", "the packets that were counted under some keys",
        "Collect the packets that were counted under any of the keys: given, or found by a first pass with --auto.",
        "pcapframe select --auto 3 -o suspicious.pcap examples/lab.pcap\n"
        "pcapframe select --ip 203.0.113.9,2001:db8::9 --columns ip_dst,tcp_dstport examples/lab.pcap",
        _commands.select,
    )  # fmt: skip
    _common(select)
    keys = select.add_argument_group("keys")
    keys.add_argument(
        "--dns",
        type=arg.separated,
        action="extend",
        metavar="KEY,...",
        help="clients that got DNS replies without an answer",
    )
    keys.add_argument("--ip", type=arg.separated, action="extend", metavar="KEY,...", help="source addresses")
    keys.add_argument(
        "--seq", type=arg.sequence_numbers, action="extend", metavar="KEY,...", help="TCP sequence numbers"
    )
    keys.add_argument(
        "--auto",
        type=arg.number,
        metavar="K",
        help="the keys at or above mean + K sigma; this reads the capture twice",
    )
    keys.add_argument(
        "--kind",
        type=arg.kinds,
        metavar="KIND,...",
        help="the kinds --auto looks at, of dns, ip, seq (default: all)",
    )
    _rules(select)
    select.add_argument("--columns", type=arg.names, metavar="NAME,...", help="columns to give (default: all that fit)")
    select.add_argument(
        "--rows",
        type=arg.whole,
        default=ROWS,
        metavar="N",
        help="rows to show of each table (default: %(default)s)",
    )
    select.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="write the packets to a capture, or their rows to a .csv or .json file",
    )

    capture = _verb(
        verbs, "capture", "packets from an interface into a file",
        "Capture packets from an interface until it was enough, or Ctrl-C. Without a file it only tells what came.",
        "pcapframe capture any --seconds 60 -o now.pcapng\n"
        "pcapframe capture eth0 --filter 'tcp port 80' --rotate 100MB --keep 10 -o web.pcapng", _commands.capture,
    )  # fmt: skip
    capture.add_argument("interface", metavar="INTERFACE", help="its name; any for all on Linux")
    capture.add_argument("-o", dest="output", metavar="FILE", help="the .pcapng file to write")
    capture.add_argument("--filter", metavar="TEXT", help="only packets that match, written as for tcpdump")
    enough = capture.add_argument_group("enough")
    enough.add_argument("--seconds", type=arg.seconds, metavar="S", help="so many seconds, or so long: 5min")
    enough.add_argument("--packets", type=arg.whole, metavar="N", help="so many packets")
    enough.add_argument("--octets", metavar="SIZE", help="a file, or a series, of this size: 2GB")
    series = capture.add_argument_group("a series of files")
    series.add_argument(
        "--rotate", metavar="SIZE|TIME", help="a new file after so many octets (100MB) or each period (1h)"
    )
    series.add_argument("--keep", type=arg.whole, metavar="N", help="so many files stay, the oldest is deleted")
    how = capture.add_argument_group("how")
    how.add_argument("--snaplen", type=arg.whole, metavar="N", help="octets of a packet at most")
    how.add_argument("--no-promiscuous", action="store_true", help="only packets that this machine gets anyhow")
    how.add_argument("--source", choices=["libpcap", "dumpcap", "tcpdump"], help="what captures (default: what may)")
    how.add_argument("--no-progress", action="store_true", help="no line on standard error")
    capture.add_argument("--json", action="store_true", help="print JSON; docs/cli.md names its keys")

    flows = _verb(
        verbs, "flows", "bidirectional flows with the CICIDS2017 features",
        "Put packets together into flows, a row each; write them to a file, or say how they ended. --features lists "
        "the columns.",
        "pcapframe flows examples/lab.pcap -o flows.csv\n"
        "pcapframe flows --variant cic2017 --published 'day-*.pcap' -o day.csv",
        _commands.flows,
    )  # fmt: skip
    _common(flows, needed=False)
    group = flows.add_argument_group("flows")
    group.add_argument(
        "--variant", choices=list(VARIANTS), default=VARIANTS[0],
        help="cic2017: as the tool that made the published files (default: %(default)s)",
    )  # fmt: skip
    group.add_argument("--compat", choices=["fork"], help="corrected as the tool behind the improved data sets")
    group.add_argument(
        "--names", choices=list(NAMES), default=NAMES[0], help="names of the columns (default: %(default)s)"
    )
    group.add_argument("--protocols", type=arg.separated, metavar="NAME,...", help=f"all, or of {', '.join(PROTOCOLS)}")
    group.add_argument(
        "--extra",
        type=arg.separated,
        default=[],
        metavar="GROUP,...",
        help=f"more columns: some of {', '.join(GROUPS)}",
    )
    group.add_argument("--features", action="store_true", help="list the columns and what they mean; needs no FILE")
    flows.add_argument("--published", action="store_true", help="write the 85 columns exactly as published")
    flows.add_argument(
        "--rows", type=arg.whole, default=ROWS, metavar="N", help="rows to show without -o (default: %(default)s)"
    )
    flows.add_argument(
        "-o", dest="output", metavar="FILE", help="write the flows to a .csv, .json, .parquet or .arrow file"
    )

    match = _verb(
        verbs, "match", "indicators of threat feeds that are seen in it",
        "Look for indicators in all packets: addresses and networks, domains, URLs, JA3, JA4, user agents. Feeds are "
        "plain lists, tables, MISP, STIX 2 and Zeek's, told by their content.",
        "pcapframe match examples/lab.pcap --indicators examples/indicators.txt -o hits.csv\n"
        "pcapframe match 'day-*.pcap' --indicators feeds/ --allow own-networks.txt", _command_match.match,
    )  # fmt: skip
    _common(match, needed=False)
    feeds = match.add_argument_group("feeds")
    feeds.add_argument("--indicators", nargs="+", required=True, metavar="FEED", help="files, folders or patterns")
    feeds.add_argument("--allow", nargs="+", metavar="FEED", help="what is no indicator, wherever it is seen")
    feeds.add_argument("--exact", action="store_true", help="a domain does not stand for the names below it")
    feeds.add_argument("--any-port", action="store_true", help="an address with a port is meant with any")
    feeds.add_argument("--context", action="store_true", help="take MISP's attributes that are not for detection too")
    feeds.add_argument("--skipped", action="store_true", help="list why pieces of feeds were not taken")
    match.add_argument(
        "--rows",
        type=arg.whole,
        default=ROWS,
        metavar="N",
        help="rows to show of the summary (default: %(default)s)",
    )
    match.add_argument("-o", dest="output", metavar="FILE", help="write the hits to a .csv or .json file")

    report = _verb(
        verbs, "report", "one HTML page of what it is and what stands out in it",
        "Write a page with the timeline, talkers, protocols, names, findings and, where they are given, indicators "
        "and a model's verdicts. It needs no network and can be sent as it is.",
        "pcapframe report examples/lab.pcap -o report.html\n"
        "pcapframe report 'day-*.pcap' --indicators feeds/ --home 52.5,13.4 -o report.html", _command_report.report,
    )  # fmt: skip
    _common(report, needed=False)
    report.add_argument("-o", dest="output", metavar="FILE", required=True, help="the .html file to write")
    report.add_argument("--title", metavar="TEXT", help="what stands on top (default: the names of the files)")
    report.add_argument("--indicators", nargs="+", metavar="FEED", help="files, folders or patterns of feeds")
    report.add_argument("--model", metavar="FILE", help="a saved model that judges the flows")
    report.add_argument("--database", nargs="+", metavar="FILE", help="MaxMind or DB-IP files, for cities on the map")
    report.add_argument("--home", type=_command_report.place, metavar="LAT,LON", help="where private addresses are")

    hosts = _verb(
        verbs, "hosts", "who is in a capture, a row per host",
        "Say who is in a capture: addresses, hardware addresses, names and users as DHCP, NetBIOS, mDNS, Kerberos and "
        "NTLM show them, agents, names asked for, services, roles, volumes; those with most packets first. "
        "docs/hosts.md tells which addresses are one host.",
        "pcapframe hosts examples/lab.pcap\npcapframe hosts --where ip_src=10.0.0.0/8 -o hosts.csv 'day-*.pcap'",
        _command_hosts.hosts,
    )  # fmt: skip
    _common(hosts)
    hosts.add_argument(
        "--rows", type=arg.whole, default=ROWS, metavar="N", help="rows to show without -o (default: %(default)s)"
    )
    hosts.add_argument(
        "-o", dest="output", metavar="FILE", help="write the hosts to a .csv, .json, .parquet or .arrow file"
    )

    detect = _verb(
        verbs, "detect", "scans, floods, guessed passwords, beacons, tunnels and the like",
        "Look for what attacks do, by documented rules, in one pass; docs/detectors.md has rules and thresholds.",
        "pcapframe detect examples/lab.pcap --fail-on high\n"
        "pcapframe detect 'day-*.pcap' --only scan_syn,beacon --window 10min -o findings.csv\n"
        "pcapframe detect --rules", _command_detect.detect,
    )  # fmt: skip
    _common(detect, needed=False)
    what = detect.add_argument_group("what to look for")
    what.add_argument("--only", type=arg.separated, metavar="NAME,...", help="these rules or kinds of findings alone")
    what.add_argument("--window", metavar="LENGTH", help="look at stretches of this length by themselves: 10min, 1h")
    what.add_argument("--set", action="append", metavar="NAME=NUMBER", help="a threshold; --rules lists them")
    what.add_argument("--rules", action="store_true", help="list rules, kinds and thresholds; needs no FILE")
    detect.add_argument("--fail-on", choices=list(SEVERITIES), help="exit with 3 where a finding is at least as severe")
    detect.add_argument("--rows", type=arg.whole, default=20, metavar="N", help="rows to show (default: %(default)s)")
    detect.add_argument(
        "-o", dest="output", metavar="FILE", help="write the findings to a .csv, .json, .parquet or .arrow file"
    )

    check = _verb(
        verbs, "check", "compare our reading of a capture with tshark's or scapy's",
        "Read packets of a capture with pcapframe and with another tool and compare: with tshark every column of every "
        "packet, with scapy the three dicts its loop counts. Differences are classed by their reason; one without is "
        "exit code 3.",
        "pcapframe check --against tshark --sample 5000 examples/lab.pcap", _commands.check,
    )  # fmt: skip
    _common(check, several=False)
    check.add_argument("--against", choices=["tshark", "scapy"], required=True, help="the other tool")
    check.add_argument(
        "--sample",
        type=arg.whole,
        default=20_000,
        metavar="N",
        help="packets to compare, evenly spread; 0: all (default: %(default)s)",
    )
    _cli_ml.add(verbs, _verb)
    return parser


# ------------------------------------------------------------------------------------------------------------ main


WHOLE = ("overlap", "unfiltered", "forgotten")  # faults of how files were put together or asked, not of what is in them


class _Warnings:
    """Print each warning of a capture once, as one line."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.damaged = False

    def show(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        text = printable(str(message))
        self.damaged |= any(fault.kind not in WHOLE for fault in getattr(message, "faults", ()))
        if text not in self.heard:
            self.heard.append(text)
            print(f"pcapframe: warning: {text}", file=sys.stderr, flush=True)


def _fail(text: str) -> int:
    print(f"pcapframe: error: {printable(text)}", file=sys.stderr, flush=True)
    return UNUSABLE


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename is not None else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _hush(stream: TextIO) -> None:
    """Nobody reads on: let what is still buffered go nowhere, so that the interpreter's end says nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _first() -> None:
    """Say what to do first."""
    wide = max(map(len, FIRST)) + len("pcapframe  capture.pcap  ")
    print("pcapframe: packets in, frames out\n", file=sys.stderr)
    for verb, what in FIRST.items():
        lines = textwrap.wrap(what, max(20, width() - wide - 3))
        print(f"  {f'pcapframe {verb} capture.pcap':{wide}}{lines[0]}", file=sys.stderr)
        print(*(f"{' ' * (wide + 2)}{line}\n" for line in lines[1:]), sep="", end="", file=sys.stderr)
    print("\npcapframe --help lists all verbs, pcapframe VERB --help has examples.", file=sys.stderr)


def _run(typed: Sequence[str]) -> int:
    if not typed:
        _first()
        return UNUSABLE
    if typed[0] == "help":
        typed = [*typed[1:], "--help"]
    try:
        given = _parser().parse_args(typed)
    except SystemExit as done:  # --help, --version
        return int(done.code or 0)
    if not hasattr(given, "run"):
        raise Usage("a verb is needed: info, counts, packets, flows, capture, ... (pcapframe --help lists them)")
    heard = _Warnings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # others' are no news to who types a command; thresholds bring their note
        warnings.simplefilter("always", CaptureWarning)
        warnings.showwarning = heard.show
        try:
            code: int = given.run(given)
        except (FilterError, ValueError) as error:
            raise Usage(arg.as_options(_reason(error), vars(given))) from error
    return code or (DAMAGED if heard.damaged else DONE)


def main(typed: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what the terminal's alphabet lacks
    try:
        code = _run(sys.argv[1:] if typed is None else typed)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has seen enough
        _hush(sys.stdout)
        return DONE
    except KeyboardInterrupt:
        print("pcapframe: interrupted", file=sys.stderr, flush=True)
        return INTERRUPTED
    except (Usage, PcapframeError, OSError, ValueError, MemoryError, ImportError) as error:
        return _fail(_reason(error))
