"""One contender, in a process of its own: does its work once, times that alone, prints one line of JSON.

    python benchmarks/_contender.py NAME CAPTURE [name=value ...]

`seconds` is the work without imports; `check` is, for each indicator, how many keys and how many packets, so that the
bench can see that all contenders counted the same. scapy and dpkt run with the interpreter of `benchmarks/.peers`.
"""

import json
import resource
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

Result = dict[str, Any]


def check_of(*counts: Mapping[Any, int]) -> list[int]:
    return [number for one in counts for number in (len(one), sum(one.values()))]


def scapy_loop(path: str) -> Result:
    import scapy.all  # noqa: F401  # every layer, as a notebook's `from scapy.all import *` has it
    from scapy.layers.dns import DNS
    from scapy.layers.inet import IP, TCP
    from scapy.utils import PcapReader

    dns: Counter[str] = Counter()
    ip: Counter[str] = Counter()
    seq: Counter[int] = Counter()
    start = perf_counter()
    with PcapReader(path) as packets:
        for p in packets:
            if IP in p:
                if DNS in p and p[DNS].qr == 1 and p[DNS].ancount == 0:
                    dns[p[IP].dst] += 1
                ip[p[IP].src] += 1
            if TCP in p:
                seq[p[TCP].seq] += 1
    seconds = perf_counter() - start
    return {"seconds": seconds, "check": check_of(dns, ip, seq)}


def dpkt_loop(path: str) -> Result:
    import dpkt

    dns: Counter[str] = Counter()
    ip: Counter[str] = Counter()
    seq: Counter[int] = Counter()
    start = perf_counter()
    with open(path, "rb") as file:
        for _, octets in dpkt.pcap.Reader(file):
            net = dpkt.ethernet.Ethernet(octets).data
            if isinstance(net, dpkt.ip.IP):
                if isinstance(net.data, dpkt.udp.UDP) and 53 in (net.data.sport, net.data.dport):
                    message = dpkt.dns.DNS(net.data.data)
                    if message.qr == 1 and not message.an:
                        dns[socket.inet_ntoa(net.dst)] += 1
                ip[socket.inet_ntoa(net.src)] += 1
            if isinstance(net, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(net.data, dpkt.tcp.TCP):
                seq[net.data.seq] += 1
    seconds = perf_counter() - start
    return {"seconds": seconds, "check": check_of(dns, ip, seq)}


def ioc_counts(path: str, threads: str, compat: str | None = None, check: str = "") -> Result:
    import pcapframe as pf

    start = perf_counter()
    counts = pf.open(path, threads=int(threads), progress=False).ioc_counts(compat=compat)
    seconds = perf_counter() - start
    return {"seconds": seconds, "keys": [len(one) for one in counts], "check": check_of(*counts) if check else None}


def count(path: str, threads: str, question: str) -> Result:
    """`Capture.count`, its fields and keywords as JSON."""
    import pcapframe as pf

    fields, asked = json.loads(question)
    start = perf_counter()
    groups = pf.open(path, threads=int(threads), progress=False).count(*fields, **asked)
    return {"seconds": perf_counter() - start, "groups": len(groups)}


def plain_dicts(path: str, threads: str) -> Result:
    import pcapframe as pf
    from pcapframe.notebook import get_ioc_counts

    start = perf_counter()
    counts = get_ioc_counts(pf.open(path, threads=int(threads), progress=False), progress=False)
    seconds = perf_counter() - start
    return {"seconds": seconds, "keys": [len(one) for one in counts]}


def make_keys(path: str, out: str) -> Result:
    """Ten sequence numbers of the capture, and a million: the same ten and others that it does not have."""
    import numpy as np

    import pcapframe as pf

    there = np.fromiter(pf.open(path, progress=False).ioc_counts().seq, np.uint32)
    ten = there[:: max(len(there) // 10, 1)][:10]
    others = np.random.default_rng(1).integers(0, 1 << 32, 1_600_000, dtype=np.uint32)
    absent = np.setdiff1d(others, there)
    np.save(out, np.concatenate([ten, np.random.default_rng(2).permutation(absent)[: 1_000_000 - len(ten)]]))
    return {"absent": len(absent)}


def select(path: str, threads: str, keys: str, count: str, form: str = "set", out: str = "") -> Result:
    """Keys as a set, which is what eval_packets gives, or an array; with `out`, writes the packets and times that."""
    import numpy as np

    import pcapframe as pf

    array = np.load(keys)[: int(count)]
    chosen = set(array.tolist()) if form == "set" else array
    cap = pf.open(path, threads=int(threads), progress=False)
    start = perf_counter()
    frame = cap.select(seq=chosen)
    if out:
        start = perf_counter()
        frame.write(out)
    seconds = perf_counter() - start
    if out:
        Path(out).unlink()
    return {"seconds": seconds, "rows": len(frame)}


def filtered(path: str, threads: str, expression: str, out: str = "") -> Result:
    """Packets that match, counted; or written, with `out`."""
    import pcapframe as pf

    cap = pf.open(path, threads=int(threads), progress=False, filter=expression)
    start = perf_counter()
    rows = cap.write(out) if out else cap.info(full=True).packets
    return {"seconds": perf_counter() - start, "rows": rows}


def select_write(path: str, threads: str, keys: str, count: str, out: str) -> Result:
    """Packets under so many sequence numbers, to a capture: two passes."""
    import numpy as np

    import pcapframe as pf

    wanted = np.load(keys)[: int(count)]
    cap = pf.open(path, threads=int(threads), progress=False)
    start = perf_counter()
    return {"rows": cap.select(seq=wanted).write(out), "seconds": perf_counter() - start}


def peak_rss() -> int:
    """Octets. Linux lets ru_maxrss begin at the parent's own peak, so its VmHWM is asked first."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory(path: str, threads: str) -> Result:
    import numpy  # noqa: F401  # what everyone who calls us has paid already

    before = peak_rss()
    import pcapframe as pf

    counts = pf.open(path, threads=int(threads), progress=False).ioc_counts()
    above = peak_rss() - before
    held = [getattr(one, "nbytes", None) for one in counts]  # a Counts may say what its table takes
    return {"above": above, "keys": [len(one) for one in counts], "held": None if None in held else sum(held)}


def columns(path: str, threads: str, names: str) -> Result:
    import pyarrow as pa

    import pcapframe as pf

    cap = pf.open(path, threads=int(threads), progress=False)
    with open(path, "rb") as file:  # what pyarrow imports late
        pa.table(pf.open(file.read(24)).packets(["frame_number"]))
    start = perf_counter()
    table = pa.table(cap.packets(names.split(",")))
    return {"seconds": perf_counter() - start, "rows": table.num_rows}


def batches(path: str, threads: str, names: str) -> Result:
    import numpy  # noqa: F401

    before = peak_rss()
    import pcapframe as pf

    cap = pf.open(path, threads=int(threads), progress=False)
    rows = sum(len(frame) for frame in cap.batches(names.split(","), rows=10_000))
    return {"above": peak_rss() - before, "rows": rows}


def dpkt_table(path: str) -> Result:
    """The header columns of bench_tables.py, each cell taken by hand."""
    import dpkt
    import pyarrow as pa

    rows: list[tuple[Any, ...]] = []
    start = perf_counter()
    with open(path, "rb") as file:
        for number, (time, octets) in enumerate(dpkt.pcap.Reader(file), 1):
            eth = dpkt.ethernet.Ethernet(octets)
            row: list[Any] = [number, int(time * 1_000_000_000), len(octets), eth.src.hex(":"), eth.dst.hex(":")]
            ip = eth.data
            if isinstance(ip, dpkt.ip.IP):
                row += [4, socket.inet_ntop(socket.AF_INET, ip.src), socket.inet_ntop(socket.AF_INET, ip.dst)]
                row += [ip.ttl, ip.p, ip.id, ip.len]
            elif isinstance(ip, dpkt.ip6.IP6):
                row += [6, socket.inet_ntop(socket.AF_INET6, ip.src), socket.inet_ntop(socket.AF_INET6, ip.dst)]
                row += [ip.hlim, ip.nxt, None, None]
            else:
                row += [None] * 7
            upper = getattr(ip, "data", None)
            if isinstance(upper, dpkt.tcp.TCP):
                row += [upper.sport, upper.dport, upper.seq, upper.ack, upper.flags, len(upper.data), None, None]
            elif isinstance(upper, dpkt.udp.UDP):
                row += [None] * 6 + [upper.sport, upper.dport]
            else:
                row += [None] * 8
            rows.append(tuple(row))
    table = pa.table([pa.array(column) for column in zip(*rows, strict=True)], [str(n) for n in range(20)])
    return {"seconds": perf_counter() - start, "rows": table.num_rows}


def flows(path: str, threads: str, variant: str = "corrected") -> Result:
    import pcapframe as pf

    cap = pf.open(path, threads=int(threads), progress=False)
    start = perf_counter()
    frame = cap.flows(variant)
    return {"seconds": perf_counter() - start, "rows": len(frame)}


def flow_memory(path: str, threads: str, rows: str = "") -> Result:
    """With rows all of it; without, what open flows alone take: every one is made, and the packets of one are asked."""
    import numpy  # noqa: F401

    before = peak_rss()
    import pcapframe as pf

    cap = pf.open(path, threads=int(threads), progress=False)
    count = len(cap.flows()) if rows else len(cap.packets_of([1], columns=["frame_number"]))
    return {"above": peak_rss() - before, "rows": count}


def nfstream_flows(path: str) -> Result:
    from nfstream import NFStreamer

    start = perf_counter()
    count = sum(1 for _ in NFStreamer(source=path, statistical_analysis=True, n_dissections=0))
    return {"seconds": perf_counter() - start, "rows": count}


def wa1kpcap_flows(path: str) -> Result:
    """Flows with their statistics, and nothing of payloads."""
    from wa1kpcap import Wa1kPcap

    start = perf_counter()
    flows = Wa1kPcap(app_layer_parsing="none", enable_reassembly=False).analyze_file(path)
    return {"seconds": perf_counter() - start, "rows": len(flows)}


def cicflowmeter_flows(path: str, out: str) -> Result:
    """What its command does, whose own line of arguments fails in this release."""
    from cicflowmeter.sniffer import create_sniffer

    start = perf_counter()
    sniffer, session = create_sniffer(path, None, "csv", out)
    sniffer.start()
    sniffer.join()
    session._gc_stop.set()
    session.flush_flows()
    return {"seconds": perf_counter() - start}


def import_time(path: str) -> Result:
    start = perf_counter()
    import numpy  # noqa: F401

    between = perf_counter()
    import pcapframe  # noqa: F401

    return {"seconds": perf_counter() - between, "numpy": between - start}


CONTENDERS = (
    scapy_loop, dpkt_loop, ioc_counts, count, plain_dicts, make_keys, select, filtered, select_write, memory,
    columns, batches, dpkt_table, flows, flow_memory, nfstream_flows, wa1kpcap_flows, cicflowmeter_flows, import_time,
)  # fmt: skip


def main() -> None:
    name, path, *options = sys.argv[1:]
    contender = {one.__name__: one for one in CONTENDERS}[name]
    result = contender(path, **dict(option.split("=", 1) for option in options))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
