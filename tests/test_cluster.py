"""Questions asked of a cluster: real scheduler and workers over TCP, and an S3, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
from processes import PATIENCE, Bucket, Scheduler, Worker, wait_for

distributed = pytest.importorskip("distributed", reason="the cluster is Dask's")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
SIZE = 100_000  # a piece: some twenty of the example
# What a piece of an object reads besides its range: head and tail that tell the file, the window in which its first
# record is guessed, and, as chunks are read at multiples of their size, some of one before and one behind.
BESIDES = (128 << 10) + (1792 << 10) + 2 * (512 << 10) + (8 << 10)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def bucket(place: Path) -> Iterator[Bucket]:
    for needed in ("moto", "s3fs"):
        pytest.importorskip(needed, reason="S3 is moto's, read by s3fs")
    with Bucket(place / "s3") as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir(Bucket.NAME)
        yield found


@pytest.fixture(scope="module")
def scheduler(place: Path) -> Iterator[Scheduler]:
    with Scheduler(place / "scheduler") as found:
        yield found


@pytest.fixture(scope="module")
def client(scheduler: Scheduler, bucket: Bucket, place: Path) -> Iterator[Any]:
    """A client whose two workers run until the module's tests are done."""
    with connected(scheduler, place, 2, **bucket.environment) as found:
        yield found


class connected:
    """A scheduler's client and its workers, while the block is open."""

    def __init__(self, scheduler: Scheduler, place: Path, workers: int, first: str = "", **more: str) -> None:
        self.workers = [Worker(scheduler, place / f"w{k}", f"w{k}", first, **more) for k in range(workers)]
        self.client = distributed.Client(scheduler.address, timeout=PATIENCE)
        self.client.wait_for_workers(workers, timeout=PATIENCE)

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        for worker in self.workers:
            worker.__exit__()


def test_counts_are_those_of_one_machine(client: Any) -> None:
    cap = pf.open(LAB, progress=False)
    assert pf.cluster.ioc_counts(cap, size=SIZE) == cap.ioc_counts()
    rules = {"dns_rule": "nxdomain", "seq_rule": "data"}
    assert pf.cluster.ioc_counts(str(LAB), client, SIZE, **rules) == cap.ioc_counts(**rules)
    assert pf.cluster.count(LAB, "protocol", size=SIZE) == cap.count("protocol")
    asked = {"every": "1min", "sum": "frame_len", "mean": "ip_ttl", "max": "frame_time"}
    grouped, expected = (
        pf.cluster.count(cap, "ip_src", "protocol", size=SIZE, **asked),
        cap.count("ip_src", "protocol", **asked),
    )
    assert (grouped.schema, grouped.to_dict()) == (expected.schema, expected.to_dict())


@pytest.mark.parametrize(
    ("name", "given", "asked", "narrowed"),
    [
        ("count", ("ip_src",), {"distinct": "ip_dst"}, {}),
        ("count", ("tcp_stream",), {}, {}),
        ("count", ("ip_src",), {}, {"frame_number": slice(9, 99)}),
        ("ioc_counts", (), {}, {"frame_number": slice(9, 99)}),
        ("detect", (), {}, {"frame_number": slice(9, 199)}),
        ("flows", ("corrected",), {"extra": ["tls", "dns"]}, {}),
        ("match", (pf.Indicators.from_values(["192.0.2.0/24"]),), {"flows": True}, {}),
    ],
)
def test_what_pieces_cannot_be_asked_one_worker_answers(
    client: Any, tmp_path: Path, name: str, given: Any, asked: Any, narrowed: Any
) -> None:
    for paths in (LAB, halves(tmp_path)):
        cap = pf.open(paths, progress=False)
        cap = cap.filter(**narrowed) if narrowed else cap
        expected = (pf.detect if name == "detect" else getattr(pf.Capture, name))(cap, *given, **asked)
        found = getattr(pf.cluster, name)(cap, *given, client=client, size=SIZE, **asked)
        assert type(found) is type(expected)
        if isinstance(found, pf.Frame):
            assert (found.schema, found.to_dict()) == (expected.schema, expected.to_dict())
            assert found.provenance == expected.provenance
        else:
            assert found == expected
        assert len(expected)


def test_one_worker_reads_a_url_as_it_is(client: Any) -> None:
    pytest.importorskip("fsspec", reason="URLs are read by fsspec")
    found = pf.cluster.count(f"file://{LAB}", "ip_src", distinct="ip_dst", client=client)
    assert found.to_dict() == pf.open(LAB, progress=False).count("ip_src", distinct="ip_dst").to_dict()


def test_what_one_worker_warns_of_is_told_here(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(LAB.read_bytes()[:-7])
    cap = pf.open(path, progress=False).filter(frame_number=slice(9, None))
    for ask, name in ((pf.detect, "detect"), (pf.Capture.ioc_counts, "ioc_counts"), (pf.Capture.flows, "flows")):
        with pytest.warns(pf.CaptureWarning) as expected:
            ask(cap)
        with pytest.warns(pf.CaptureWarning) as found:
            getattr(pf.cluster, name)(cap, client=client, size=SIZE)
        said = [
            [(str(each.message), each.message.faults, each.filename) for each in told] for told in (expected, found)
        ]
        assert said[1] == said[0]


def test_arguments_that_can_be_gone_through_once(client: Any) -> None:
    cap = pf.open(LAB, progress=False)
    for narrowed in (cap, cap.filter(frame_number=slice(9, 9999))):
        expected = pf.detect(narrowed, only=["vertical", "count_ip"])
        found = pf.cluster.detect(narrowed, only=iter(["vertical", "count_ip"]), client=client, size=SIZE)
        assert found.to_dict() == expected.to_dict()
        assert len(expected)
        names = (name for name in ["ip_dst", "tcp_dstport"])
        counted = pf.cluster.count(narrowed, "ip_src", distinct=names, client=client, size=SIZE)
        assert counted.to_dict() == narrowed.count("ip_src", distinct=["ip_dst", "tcp_dstport"]).to_dict()


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(place: Path) -> Path:
    """A capture of 12 MB, so that what is read besides a range can be told from it."""
    from captures_large import write_syns

    return write_syns(place / "large.pcap", 170_000)


def test_a_piece_of_an_object_reads_its_range_and_little_more(client: Any, bucket: Bucket, large: Path) -> None:
    import s3fs

    s3fs.S3FileSystem().put_file(str(large), f"{Bucket.NAME}/large.pcap")
    url, octets = f"s3://{Bucket.NAME}/large.pcap", large.stat().st_size
    cap = pf.open(url, progress=False)
    pieces = cap.partitions("4MB")
    assert len(pieces) == -(-octets // 4_000_000) > 2
    for piece in pieces:
        before = len(bucket.requests("large.pcap"))
        piece.ioc_counts()
        asked = [each for each in bucket.requests("large.pcap")[before:] if each.method == "GET"]
        first, end = piece.octets
        assert all(each.range for each in asked), "never without a range"
        given = sum(each.octets for each in asked)
        assert end - first <= given <= end - first + BESIDES, (piece, given)
    before = len(bucket.requests("large.pcap"))
    found = pf.cluster.ioc_counts(cap, client, "4MB")
    given = sum(each.octets for each in bucket.requests("large.pcap")[before:] if each.method == "GET")
    assert given <= octets + (len(pieces) + 1) * BESIDES
    assert found == pf.open(large, progress=False).ioc_counts()


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_worker_killed_in_mid_run_leaves_the_answer(place: Path, large: Path) -> None:
    """Dask runs again what the worker had and what it was doing."""
    expected = pf.open(large, progress=False).ioc_counts()
    with Scheduler(place / "killed") as scheduler, connected(scheduler, place / "killed", 2) as client:
        (doomed,) = (name for name, about in client.scheduler_info()["workers"].items() if about["id"] == "w0")
        number = client.run(os.getpid, workers=[doomed])[doomed]
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(pf.cluster.ioc_counts, large, client, "100kB")
            wait_for("results on the worker that dies", lambda: client.has_what([doomed])[doomed] or None)
            assert not answer.done()
            os.kill(number, signal.SIGKILL)
            assert answer.result(PATIENCE) == expected
        assert doomed not in client.scheduler_info()["workers"]


def test_a_worker_without_the_package(scheduler: Scheduler, place: Path) -> None:
    bare = place / "bare" / "pcapframe"
    bare.mkdir(parents=True)
    # As Python says it where there is none: this one is found first.
    text = "raise ModuleNotFoundError(\"No module named 'pcapframe'\", name='pcapframe')\n"
    (bare / "__init__.py").write_text(text)
    with (
        Scheduler(place / "bare-scheduler") as alone,
        connected(alone, place / "bare", 1, first=str(bare.parent)) as it,
    ):
        said = r"^worker tcp://.*: the package pcapframe is not installed there .*: pip install pcapframe==.* where"
        with pytest.raises(RuntimeError, match=said):
            pf.cluster.ioc_counts(LAB, it)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="a name that means another file to each process")
def test_a_file_that_only_some_workers_see(client: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seer in (place / "w0", place / "here"):
        seer.mkdir(exist_ok=True)
        shutil.copy2(LAB, seer / "seen.pcap")
    monkeypatch.chdir(place / "here")
    with pytest.raises(pf.CaptureError, match=r"^/proc/self/cwd/seen\.pcap: is not here.* \(worker tcp://[^)]*\)$"):
        pf.cluster.ioc_counts("/proc/self/cwd/seen.pcap", client, SIZE)


def test_a_relative_path_is_the_clients(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy2(LAB, tmp_path / "mine.pcap")
    monkeypatch.chdir(tmp_path)
    cap = pf.open("mine.pcap", progress=False)
    assert pf.cluster.count(cap, "frame_file", client=client, size=SIZE) == cap.count("frame_file")
    found = pf.cluster.count("mine.pcap", "ip_src", distinct="ip_dst", client=client)
    assert found.to_dict() == cap.count("ip_src", distinct="ip_dst").to_dict()


def test_a_file_that_changed_since_it_was_cut(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "changing.pcap"
    shutil.copy2(LAB, path)
    cap = pf.open(path, progress=False)
    pieces = cap.partitions(SIZE)
    about = path.stat()
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1  # and all else as it was
    path.write_bytes(octets)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    given = client.submit(tuple, [(), {}])
    with pytest.raises(pf.CaptureError, match=r"changing\.pcap: changed since it was cut: .* \(worker tcp://[^)]*\)$"):
        client.submit(pf.cluster._asked, pieces[0], "ioc_counts", given).result(PATIENCE)


def test_without_a_client_it_says_how_to_make_one() -> None:
    script = f"""
import pcapframe as pf
try:
    pf.cluster.ioc_counts({str(LAB)!r})
except RuntimeError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert "there is no Dask client: make one with dask.distributed.Client(" in said.stdout, said
    assert said.stdout.count("\n") == 1


def test_what_is_no_client() -> None:
    with pytest.raises(TypeError, match=r"client: a dask\.distributed\.Client, not str"):
        pf.cluster.ioc_counts(LAB, "tcp://127.0.0.1:8786")


# --- what needs the order of packets ---------------------------------------------------------------------------------


def halves(place: Path) -> list[Path]:
    """The example as two files, cut where connections are open."""
    cap = pf.open(LAB, progress=False)
    number = cap.info(full=True).packets // 2
    time = int(cap.packets(["frame_time"])["frame_time"].values[number])
    paths = [place / "half-1.pcap", place / "half-2.pcap"]
    cap.between(end=time).write(paths[0])
    cap.between(start=time).write(paths[1])
    return paths


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("corrected", {}),
        ("cic2017", {"names": "v4"}),
        ("corrected", {"sort": True, "dedup_us": 1000}),
        ("corrected", {"max_flows": 20}),
        ("corrected", {"extra": "rtt"}),
    ],
)
def test_flows_are_those_of_one_machine(client: Any, tmp_path: Path, variant: str, options: dict[str, Any]) -> None:
    for captures in (LAB, halves(tmp_path)):
        expected = pf.open(captures, progress=False).flows(variant, **options)
        found = pf.cluster.flows(captures, variant, client=client, size=SIZE, **options)
        assert found.schema == expected.schema
        assert found.to_dict() == expected.to_dict()
        assert found.provenance["flow_packets"] == expected.provenance["flow_packets"]
        assert len(expected) > 10


def test_flows_of_messages_are_not_cut(client: Any, tmp_path: Path) -> None:
    expected = pf.open(LAB, progress=False).flows(extra=["tls", "dns"])
    assert pf.cluster.flows(LAB, client=client, size=SIZE, extra=["tls", "dns"]).to_dict() == expected.to_dict()
    pieces = pf.open(halves(tmp_path), progress=False).partitions(None)
    with pytest.raises(pf.CaptureError, match=r"^flows: extra columns of messages .* depend on the pieces before: ask"):
        pieces[0].flows(extra="tls")


def test_findings_are_those_of_one_machine(client: Any, tmp_path: Path) -> None:
    for captures in (LAB, halves(tmp_path)):
        for asked in ({}, {"only": ["vertical", "count_ip"], "scan_ports": 5, "window": "10s"}):
            expected = pf.detect(pf.open(captures, progress=False), **asked)
            found = pf.cluster.detect(captures, client=client, size=SIZE, **asked)
            assert found.to_dict() == expected.to_dict()
            assert found.provenance["detect_bounds"] == expected.provenance["detect_bounds"]
            assert len(expected)


def test_scores_are_those_of_one_machine(client: Any, fitted: Any) -> None:
    model = fitted("random_forest")
    cap = pf.open(LAB, progress=False)
    expected, found = pf.models.score(cap, model), pf.cluster.score(LAB, model, client=client, size=SIZE)
    order = np.lexsort([expected["flow_id"].values, expected["flow_start"].values])
    assert found.to_dict() == expected[order].to_dict()
    assert len(found) > 10
    narrowed = cap.filter(frame_number=slice(9, 999))
    found = pf.cluster.score(narrowed, model, client=client, size=SIZE)
    assert (
        found.to_dict() == pf.models.score(narrowed.flows(**pf._models_score.check_makes_flows(model)), model).to_dict()
    )


COLUMNS = ["frame_number", "frame_time", "frame_time_delta", "frame_time_relative", "ip_src", "ip_ttl", "frame_raw"]


@pytest.mark.parametrize("strings", ["category", "str"])
def test_packets_are_those_of_one_machine(client: Any, tmp_path: Path, strings: str) -> None:
    pandas = pytest.importorskip("pandas", reason="Dask's tables are pandas's")
    pytest.importorskip("dask.dataframe", reason="the packets are a Dask DataFrame")
    for captures in (LAB, halves(tmp_path)):
        expected = pf.open(captures, progress=False).packets(COLUMNS).to_pandas(strings)
        found = pf.cluster.packets(captures, COLUMNS, client=client, size="400kB", strings=strings)
        assert found.npartitions > 3
        for number in range(3):
            computed = found.get_partition(number).compute()
            for name in COLUMNS:
                told, is_ = found._meta[name].dtype, computed[name].dtype
                assert (type(told), str(told)) == (type(is_), str(is_)), name
        whole = found.compute().reset_index(drop=True)
        for name in COLUMNS:
            left, right = whole[name], expected[name]
            if left.dtype == "category" or name == "frame_raw":  # categories differ in order, octets in type
                left, right = left.astype(object), right.astype(object)
            elif strings == "str":  # Dask has a string type of its own
                left = left.astype(right.dtype)
            pandas.testing.assert_series_equal(left, right, check_index=False)


def test_hits_are_those_of_one_machine(client: Any, tmp_path: Path) -> None:
    cap = pf.open(LAB, progress=False)
    looked_for = pf.Indicators.from_values([cap.ioc_counts().ip.top(1)[0][0], "example.com", "example"])
    for captures in (LAB, halves(tmp_path)):
        expected = pf.open(captures, progress=False).match(looked_for)
        found = pf.cluster.match(captures, looked_for, client=client)
        assert found.to_dict() == expected.to_dict()
        assert found.summary().to_dict() == expected.summary().to_dict()
        assert len(expected)


def test_hits_of_each_file_by_itself(client: Any, tmp_path: Path) -> None:
    paths = halves(tmp_path)
    cap = pf.open(paths, progress=False)
    looked_for = pf.Indicators.from_values([cap.ioc_counts().ip.top(1)[0][0], "example.com", "example"])
    found = pf.cluster.match(paths, looked_for, by_file=True, client=client)
    alone = [pf.open(path, progress=False) for path in paths]
    packets = [0, len(alone[0].packets(["frame_len"]))]
    rows = [
        (time, number + before, *rest)
        for each, before in zip(alone, packets, strict=True)
        for time, number, *rest in each.match(looked_for).rows()
    ]
    assert found.columns[:2] == ["frame_time", "frame_number"]
    assert list(found.rows()) == rows
    assert {row[1] > packets[1] for row in rows} == {False, True}
    with pytest.raises(TypeError, match="by_file"):
        pf.cluster.match(paths, looked_for, by_file=True, flows=True, client=client)


def test_hits_that_stand_in_one_packet_are_looked_for_in_pieces(client: Any, tmp_path: Path) -> None:
    from captures import Packet, ethernet, ipv4, pcap_bytes, tcp

    path = tmp_path / "web.pcap"
    request = ethernet(
        ipv4(tcp(b"GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Agent: evil\r\n\r\n", destination=80))
    ).octets
    other = ethernet(ipv4(tcp(bytes(100)))).octets
    path.write_bytes(
        pcap_bytes([Packet(each, len(each), 1_500_000_000 + n) for n in range(200) for each in (request, other)])
    )
    looked_for = pf.Indicators.from_values(["evil"], "user_agent") + pf.Indicators.from_values(
        ["http://a.example/a"], "url"
    )
    expected = pf.open(path, progress=False).match(looked_for)
    found = pf.cluster.match(path, looked_for, client=client, size=5000)
    assert found.to_dict() == expected.to_dict()
    assert len(expected) == 400
    assert found.schema == expected.schema


@pytest.mark.parametrize("by_file", [False, True])
def test_hits_of_what_the_order_of_packets_narrows(client: Any, tmp_path: Path, by_file: bool) -> None:
    cap = pf.open(halves(tmp_path), progress=False).filter(frame_number=slice(1, 300))
    looked_for = pf.Indicators.from_values(["curl/7.88.1"], "user_agent")
    if by_file:
        looked_for += pf.Indicators.from_values([cap.ioc_counts().ip.top(1)[0][0]])
    expected = cap.match(looked_for)
    found = pf.cluster.match(cap, looked_for, by_file=by_file, client=client, size=SIZE)
    assert found.to_dict() == expected.to_dict()
    assert len(expected)


def test_what_pieces_cannot_tell(client: Any) -> None:
    with pytest.raises(pf.CaptureError, match=r"^tcp_stream: depends on segments that may lie in other pieces"):
        pf.cluster.packets(LAB, ["tcp_stream"], client=client, size=SIZE)
    by_default = pf.cluster.packets(LAB, client=client, size=SIZE)
    told = [name for name in pf.open(LAB, progress=False).packets().columns if not name.startswith("dns_")]
    assert list(by_default.columns) == told
