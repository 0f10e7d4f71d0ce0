"""Live capture, for real: a pair of interfaces in a network namespace, tcpreplay at one end and us at the other."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import captures
import pcapframe as pf
from interrupts import native_threads, threads_end
from wire import Wire, built_in, numbered, numbers, real, run, until

HERE = Path(__file__).parent
NOBODY = 65534


# --- nothing lost, everything counted --------------------------------------------------------------------------------


def steady(wire: Wire, path: Path, count: int, pps: int, loop: int) -> None:
    columns = ["frame_number", "frame_time", "frame_time_delta", "frame_time_relative", "frame_raw"]
    sent = count * loop
    with pf.live(wire.near, path=path) as live:
        sender = threading.Thread(target=wire.send, args=(count, pps, loop))
        sender.start()
        batches = []
        for frame in live.batches(columns, every="500ms"):
            batches.append(frame)
            assert Path(f"{path}.part").exists()
            if not sender.is_alive():
                break
        stats = live.stop()
    assert (stats.packets, stats.dropped, stats.received) == (sent, 0, sent)
    assert (stats.octets, stats.ended) == (sum(len(numbered(i)) for i in range(count)) * loop, "asked")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not Path(f"{path}.part").exists()
    whole = pf.open(path).packets(columns)
    assert numbers(whole) == list(range(count)) * loop
    # Batches are pieces of the whole, numbers and times going on from one to the next.
    at = 0
    for frame in batches:
        for name in columns[:4]:
            assert frame[name].values.tolist() == whole[at : at + len(frame)][name].values.tolist(), name
        at += len(frame)
    assert at > 0
    info = pf.open(path).info(full=True)
    (interface,) = info.interfaces
    assert (interface.name, interface.received, interface.dropped) == (wire.near, sent, 0)
    assert (info.format, interface.resolution, info.faults) == ("pcapng", 1e-9, ())


@real
def test_nothing_is_lost(wire: Wire, tmp_path: Path) -> None:
    steady(wire, tmp_path / "now.pcapng", 20_000, 20_000, 3)


@real
@pytest.mark.soak
def test_nothing_is_lost_at_100_000_packets_per_second(wire: Wire, tmp_path: Path) -> None:
    steady(wire, tmp_path / "now.pcapng", 100_000, 100_000, 20)


CHILD = """
import json, sys, time
import pcapframe as pf
ready = lambda stats: (print("ready", flush=True), globals().update(ready=lambda stats: None))
c = pf.capture(sys.argv[1], path=sys.argv[2], buffer=int(sys.argv[3]), progress=lambda stats: ready(stats))
print(json.dumps([len(c.packets("frame_number")), [i.received for i in c.info(full=True).interfaces],
                  [i.dropped for i in c.info(full=True).interfaces]]), flush=True)
"""


def child(wire: Wire, path: Path, buffer: int) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-W", "always", "-c", CHILD, wire.near, str(path), str(buffer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n", started.stderr.read() if started.stderr else ""
    return started


@real
def test_seen_and_dropped_are_sent_when_the_reader_is_stopped(wire: Wire, tmp_path: Path) -> None:
    process = child(wire, tmp_path / "now.pcapng", 1 << 20)
    try:
        os.kill(process.pid, signal.SIGSTOP)
        wire.send(20_000, 0, loop=2)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)  # a capture that is interrupted returns what it has
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    seen, received, dropped = json.loads(out)
    assert received == [40_000]
    assert seen + dropped[0] == 40_000
    assert dropped[0] > 0
    assert f"{dropped[0]:,} of 40,000 packets were dropped" in err


# --- capture ---------------------------------------------------------------------------------------------------------


def background(call: Callable[[], Any], delay: float) -> threading.Thread:
    def body() -> None:
        time.sleep(delay)
        call()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@real
def test_capture_ends_when_it_was_enough(wire: Wire, tmp_path: Path) -> None:
    sender = wire.send_once_recorded(2000, 10_000)
    seen: list[pf.CaptureStats] = []
    capture = pf.capture(wire.near, packets=100, seconds=120, filter="udp port 4003", progress=seen.append)
    sender.join()
    frame = capture.packets(["frame_raw", "udp_dstport"])
    assert numbers(frame) == [7 * i + 3 for i in range(100)]
    assert all(stats.packets <= 100 for stats in seen)
    assert "capture of" in capture.files[0]

    sender = wire.send_once_recorded(2000, 10_000)
    path = tmp_path / "small.pcapng"
    capture = pf.capture(wire.near, octets="20KB", seconds=120, path=path, snaplen=50, promiscuous=False)
    sender.join()
    # The block of statistics comes behind it.
    assert 19_000 < path.stat().st_size <= 20_000 + 76
    lengths = capture.packets(["frame_cap_len", "frame_len"])
    assert set(lengths["frame_cap_len"].values.tolist()) == {min(50, len(numbered(0)))}
    assert capture.info(full=True).faults == ()

    begin = time.monotonic()
    assert len(pf.capture(wire.near, seconds=0.3).packets()) == 0
    assert time.monotonic() - begin > 0.25


@real
def test_wireshark_reads_what_is_written(wire: Wire, tmp_path: Path) -> None:
    if shutil.which("capinfos") is None or shutil.which("tshark") is None:
        pytest.skip("needs tshark and capinfos")
    path = tmp_path / "now.pcapng"
    sender = wire.send_once_recorded(500, 10_000)
    capture = pf.capture(wire.near, packets=50, seconds=120, path=path, filter="udp port 4001 or port 4002")
    sender.join()
    info = subprocess.run(["capinfos", "-M", str(path)], capture_output=True, text=True, check=True).stdout
    for said in (
        f"Name = {wire.near}",
        "udp port 4001 or port 4002",
        "Time precision = nanoseconds",
        "stat entries = 1",
    ):
        assert said in info
    fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch", "-e", "udp.dstport"]
    theirs = subprocess.run(["tshark", "-r", str(path), *fields], capture_output=True, text=True, check=True).stdout
    ours = capture.packets(["frame_number", "frame_time", "udp_dstport"])
    assert theirs.splitlines() == [
        f"{number}\t{when // 10**9}.{when % 10**9:09d}\t{port}"
        for number, when, port in ours.rows("frame_number", "frame_time", "udp_dstport")
    ]


@real
def test_a_series_of_files_is_bounded(wire: Wire, tmp_path: Path) -> None:
    sender = wire.send_once_recorded(2000, 10_000)
    path = tmp_path / "now.pcapng"
    capture = pf.capture(wire.near, packets=2000, seconds=120, path=path, rotate=20_000, keep=3)
    sender.join()
    files = sorted(tmp_path.iterdir())
    assert [Path(file) for file in capture.files] == files
    assert len(files) == 3
    assert all(file.stat().st_size <= 20_000 + 76 and stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    found = numbers(capture.packets(["frame_raw"]))
    assert found == list(range(2000 - len(found), 2000))
    last = int(files[-1].stem.rpartition("-")[2])
    assert [int(file.stem.rpartition("-")[2]) for file in files] == [last - 2, last - 1, last]

    sender = wire.send_once_recorded(2000, 2000)
    capture = pf.capture(wire.near, packets=2000, seconds=120, path=path, rotate="500ms")
    sender.join()
    periods = [
        {int(t) // 500_000_000 for t in pf.open(f).packets(["frame_time"])["frame_time"].values} for f in capture.files
    ]
    assert all(len(each) == 1 for each in periods)
    assert len(capture.files) >= 2
    assert numbers(capture.packets(["frame_raw"])) == list(range(2000))


@real
def test_ctrl_c_keeps_what_there_is(wire: Wire, tmp_path: Path) -> None:
    wire.recording.clear()

    def interrupt() -> None:
        wire.recording.wait(60)
        wire.send(500, 5000)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        capture = pf.capture(wire.near, path=tmp_path / "now.pcapng")
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert numbers(capture.packets(["frame_raw"])) == list(range(500))
    assert [file.name for file in tmp_path.iterdir()] == ["now.pcapng"]


# --- live ------------------------------------------------------------------------------------------------------------


@real
def test_questions_while_it_runs(wire: Wire) -> None:
    with pf.live(wire.near, filter="udp") as live:
        assert len(live.packets()) == 0
        wire.send(1000, 10_000)
        assert until(lambda: live.stats.packets == 1000)
        assert live.running
        then = live.capture()
        assert dict(live.ioc_counts().ip) == {"10.0.0.1": 1000}
        wire.send(500, 10_000)
        assert until(lambda: live.stats.packets == 1500)
        last = live.packets(["frame_number", "frame_raw"], last=200)
        assert last["frame_number"].values.tolist() == list(range(1301, 1501))
        assert numbers(last) == list(range(300, 500))
        assert len(live.packets(last=10_000)) == 1500
        times = live.packets(["frame_time"])["frame_time"].values
        assert len(live.packets(last="20ms")) == int((times > times[-1] - 20_000_000).sum())
        assert len(then.packets()) == 1000  # a Capture does not grow
    assert not live.running
    assert len(live.packets()) == 1500
    assert live.stats.packets == live.stats.received == 1500
    assert live.capture().info(full=True).interfaces[0].received == 1500


@real
def test_questions_go_on_from_where_they_stopped(wire: Wire) -> None:
    with pf.live(wire.near, filter="udp", watch=["ioc_counts", "udp_dstport"]) as live:
        for round in range(1, 4):
            wire.send(300, 10_000)
            assert until(lambda round=round: live.stats.packets == 300 * round)
            whole = live.capture()
            for _ in range(2):  # the second time there is nothing new
                assert dict(live.ioc_counts().ip) == dict(whole.ioc_counts().ip) == {"10.0.0.1": 300 * round}
                assert dict(live.count("udp_dstport")) == dict(whole.count("udp_dstport"))
            assert live.flows().to_dict() == whole.flows().to_dict()
            assert pf.detect(live).to_dict() == pf.detect(whole).to_dict()
            both = live.count("ip_src", "udp_dstport")
            assert both.to_dict() == whole.count("ip_src", "udp_dstport").to_dict()
    assert not any(thread.name.endswith("(_keep_up)") and thread.is_alive() for thread in until_quiet())


@pytest.mark.parametrize(("watch", "error"), [("ip_src", TypeError), (["ip_srk"], KeyError)])
def test_watching_what_is_not_there(watch: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="ip_sr"):
        pf.live("lo", watch=watch)  # type: ignore[arg-type]


def until_quiet() -> list[threading.Thread]:
    """The threads there are, once those that end have had the time to."""
    until(lambda: not any(thread.name.endswith("(_keep_up)") for thread in threading.enumerate()))
    return threading.enumerate()


@real
def test_counts_are_exact_while_packets_go_on(wire: Wire) -> None:
    sender = background(lambda: wire.send(20_000, 20_000), 0)
    live = pf.live(wire.near)
    assert until(lambda: live.stats.packets > 1000)
    stats = live.stop()
    sender.join()
    assert stats.packets + (stats.dropped or 0) == stats.received
    assert stats == live.stats


class Enough(Exception):
    pass


def enough(stats: pf.CaptureStats) -> None:
    raise Enough


def begin_and_end(wire: Wire, folder: Path, number: int) -> None:
    """A capture that is stopped, one that is dropped, one that is broken off, one that ends by itself."""
    out, small = folder / f"{number}.pcapng", "256KB"
    match number % 4:
        case 0:
            with pf.live(wire.near, buffer=small, path=out) as live:
                next(live.batches(every="1ms"))
        case 1:
            pf.live(wire.near, buffer=small)
        case 2:
            with pytest.raises(Enough):
                pf.capture(wire.near, buffer=small, progress=enough)
        case _:
            pf.capture(wire.near, buffer=small, seconds=0.001, path=out)


def rings() -> int:
    """Buffers that the kernel shares with us."""
    return Path("/proc/self/maps").read_text().count("socket:")


@real
@pytest.mark.parametrize("times", [12, pytest.param(1000, marks=pytest.mark.soak)])
def test_captures_begun_and_ended_leave_nothing(
    times: int, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    for number in range(4):
        begin_and_end(wire, tmp_path, number)
    gc.collect()
    threads, files, buffers = native_threads(), len(os.listdir("/proc/self/fd")), rings()
    start = time.perf_counter()
    for number in range(times):
        begin_and_end(wire, tmp_path, number)
    took = time.perf_counter() - start
    gc.collect()
    assert threads_end(threads)
    assert (len(os.listdir("/proc/self/fd")), rings()) == (files, buffers)
    assert os.listdir(tmp_path / "spool") == []
    assert not list(tmp_path.glob("*.part"))
    assert len(list(tmp_path.glob("*.pcapng"))) == times // 2
    measured(f"{times} live captures begun and ended in {took:.1f} s")


@real
def test_the_loopback_interface_tells_each_packet_once(wire: Wire) -> None:
    wire.ip("link", "set", "lo", "up")

    def ours() -> int:
        return len(live.capture().filter("udp port 40009").packets(["frame_number"]))

    with pf.live("lo") as live, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(100):
            out.sendto(b"hello", ("127.0.0.1", 40_009))
        assert until(lambda: ours() >= 100)
    assert ours() == 100
    assert live.stats.received == live.stats.packets  # answers, which are ICMP errors, among them


@real
def test_a_full_temporary_file_says_so(wire: Wire) -> None:
    live = pf.live(wire.near, octets=20_000)
    wire.send(1000, 10_000)
    assert until(lambda: not live.running)
    with pytest.warns(pf.CaptureWarning, match="the temporary file is full"):
        live.stop()
    assert live.stats.ended == "octets"
    assert 100 < len(live.packets()) < 1000


@real
def test_an_interface_that_is_down_and_one_that_is_gone(wire: Wire) -> None:
    live = pf.live(wire.near)
    wire.send(100, 10_000)
    wire.ip("link", "set", wire.near, "down")
    time.sleep(0.2)
    assert live.running
    wire.ip("link", "set", wire.near, "up")
    assert until(
        lambda: (
            subprocess.run(["ip", "link", "show", wire.near], capture_output=True, text=True).stdout.find("LOWER_UP")
            > 0
        )
    )
    wire.send(100, 10_000)
    assert until(lambda: live.stats.packets == 200)
    wire.ip("link", "del", wire.near)
    assert until(lambda: not live.running)
    with pytest.warns(pf.CaptureWarning, match="ended early: .*disappeared|ended early: "):
        live.stop()
    assert numbers(live.packets(["frame_raw"])) == [*range(100), *range(100)]
    with pytest.raises(OSError, match=f"no such interface; there are .*lo.*{wire.near}"):
        pf.capture(wire.near, seconds=1)


@real
def test_a_full_disk(wire: Wire, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full))
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("no small file system can be mounted here")
    try:
        sender = wire.send_once_recorded(2000, 10_000)
        with pytest.raises(OSError, match=r"No space left on device; the [\d,]+ packets before are in it") as failed:
            pf.capture(wire.near, seconds=120, path=full / "now.pcapng")
        sender.join()
        assert [file.name for file in full.iterdir()] == ["now.pcapng.part"]
        assert failed.value.filename == str(full / "now.pcapng.part")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # cut behind a whole packet
            found = numbers(pf.open(full / "now.pcapng.part").packets(["frame_raw"]))
        assert 400 < len(found) < 2000
        assert found == list(range(len(found)))
        assert f"the {len(found):,} packets" in str(failed.value)
    finally:
        run("umount", "--lazy", str(full))  # the exception keeps a descriptor


# --- what is refused -------------------------------------------------------------------------------------------------


@real
def test_what_is_refused(wire: Wire, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such interface; there are"):
        pf.live("nowhere0")
    with pytest.raises(pf.FilterError, match="syntax"):
        pf.capture(wire.near, seconds=1, filter="tcp port port")
    with pytest.raises(pf.FilterError, match=r"as for tcpdump.*filter\(tcp_dstport=80\)"):
        pf.capture(wire.near, seconds=1, filter="tcp.dstport == 80")
    path = tmp_path / "now.pcapng"
    part = tmp_path / "now.pcapng.part"
    part.write_bytes(b"of another")
    with pytest.raises(FileExistsError, match=r"now\.pcapng\.part"):
        pf.capture(wire.near, seconds=1, path=path)
    assert part.read_bytes() == b"of another"
    with pytest.raises(FileNotFoundError):
        pf.capture(wire.near, seconds=1, path=tmp_path / "no folder" / "now.pcapng")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "now.pcap"}, "ends in .pcapng"),
        ({"rotate": "1MB"}, "needs path="),
        ({"path": "now.pcapng", "keep": 3}, "needs rotate="),
        ({"path": "now.pcapng", "rotate": "3 parsecs"}, "no length of time"),
        ({"path": "now.pcapng", "rotate": 100}, "at least"),
        ({"packets": 0}, "packets: a whole number"),
        ({"seconds": -1}, "seconds: above 0"),
        ({"octets": "many"}, "octets"),
        ({"snaplen": 1 << 20}, "snaplen"),
        ({"source": "magic"}, "source: None or 'libpcap' or 'dumpcap' or 'tcpdump'"),
    ],
)
def test_arguments_are_checked_before_anything_is_opened(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pf.capture("nowhere0", **options)


def as_nobody(ask: Callable[[], str]) -> str:
    """Have `ask` answered by a process that has no rights."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.chdir("/")
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = ask()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(write, answer.encode(errors="replace"))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        answer = file.read().decode()
    os.waitpid(process, 0)
    return answer


@real
@pytest.mark.parametrize("path", ["/nonexistent", None], ids=["no tools", "tools without the right"])
def test_who_may_not_capture_is_told_the_ways(wire: Wire, monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    if path is not None:
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    answer = as_nobody(lambda: repr(pf.capture(wire.near, seconds=0.2)))
    if path is None and not answer.startswith("PermissionError"):
        pytest.skip("dumpcap or tcpdump may capture for everybody here")
    assert answer.startswith("PermissionError: ")
    assert "\n" not in answer
    for word in ("no right to capture", "wireshark", "sudo", "Give no such right to python", wire.near):
        assert word in answer
    assert as_nobody(lambda: str("lo" in pf.interfaces()["name"].values)) == "True"


def permitted(tool: str, folder: Path) -> Path:
    """A copy of a tool that everybody may capture with."""
    # The system's own: under a sanitizer a script of that name stands before it.
    found, setcap = shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin"), shutil.which("setcap")
    if found is None or setcap is None:
        pytest.skip(f"needs {tool} and setcap")
    copy = folder / tool
    shutil.copy(found, copy)
    copy.chmod(0o755)
    if subprocess.run([setcap, "cap_net_raw,cap_net_admin+ep", str(copy)], capture_output=True).returncode != 0:
        pytest.skip("this file system keeps no capabilities")
    return copy


@real
@pytest.mark.parametrize("tool", ["dumpcap", "tcpdump"])
def test_another_tool_captures_for_who_may_not(wire: Wire, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        copy = permitted(tool, Path(name))
        monkeypatch.setattr(shutil, "which", lambda asked, **_: str(copy) if asked == tool else None)

        def ask() -> str:
            with pf.live(wire.near, filter="udp") as live:
                print("", end="", flush=True)
                Path(f"/tmp/pf-{wire.namespace}").touch()
                until(lambda: live.stats.packets >= 300)
                time.sleep(0.2)
            return json.dumps([numbers(live.packets(["frame_raw"])) == list(range(300)), live.stats.dropped])

        marker = Path(f"/tmp/pf-{wire.namespace}")
        marker.unlink(missing_ok=True)

        def send() -> None:
            if until(marker.exists):
                time.sleep(0.3)
                wire.send(300, 3000)

        sender = threading.Thread(target=send)
        sender.start()
        answer = as_nobody(ask)
        sender.join()
        marker.unlink(missing_ok=True)
        assert json.loads(answer) == [True, 0]


@real
@pytest.mark.parametrize("tool", ["dumpcap", "tcpdump"])
def test_another_tool_refuses(wire: Wire, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    with pytest.raises(pf.FilterError, match=tool):
        pf.capture(wire.near, source=tool, filter="tcp port port", seconds=1)
    with pytest.raises(OSError, match=tool):
        pf.capture("nowhere0", source=tool, seconds=1)


def test_interfaces() -> None:
    if built_in.startswith("not built in"):
        pytest.skip("libpcap is not built in")
    rows = {
        row["name"]: row
        for row in (
            dict(zip(f.columns, r, strict=True))
            for f in [pf.interfaces()]
            for r in zip(*f.to_dict().values(), strict=True)
        )
    }
    loopback = [row for row in rows.values() if row["loopback"]]
    assert loopback
    if sys.platform == "linux":
        assert {name for _, name in socket.if_nameindex()} <= set(rows)


# --- a file that grows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["end", "ctrl-c"])
def test_a_file_that_grows_is_followed(tmp_path: Path, by: str) -> None:
    octets = captures.pcap_bytes([numbered(i) for i in range(500)])
    path = tmp_path / "grows.pcap"
    path.write_bytes(octets[:1000])
    capture = pf.open(path, follow=True)
    told: list[int] = []
    capture = pf.open(path, follow=True, progress=lambda done, total: told.append(done))

    def grow() -> None:
        with path.open("ab") as file:
            for at in range(1000, len(octets), 7001):
                file.write(octets[at : at + 7001])
                file.flush()
                time.sleep(0.02)
        time.sleep(0.2)
        if by == "end":
            assert capture.end()
            assert not capture.end()
        else:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=grow)
    thread.start()
    try:
        frame = capture.packets(["frame_raw"])
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert numbers(frame) == list(range(500))
    ender = background(capture.end, 0.1)  # asked again, it waits again
    assert len(capture.packets(["frame_number"])) == 500
    ender.join()
    with pytest.raises(ValueError, match="follow"):
        pf.open([path], follow=True)


# --- the command -----------------------------------------------------------------------------------------------------


@real
def test_the_command(wire: Wire, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pcapframe.cli import main

    sender = wire.send_once_recorded(300, 10_000)
    path = tmp_path / "now.pcapng"
    assert main(["capture", wire.near, "--packets", "300", "--seconds", "120", "-o", str(path), "--json"]) == 0
    sender.join()
    told = json.loads(capsys.readouterr().out)
    assert (told["packets"], told["received"], told["dropped"], told["files"]) == (300, 300, 0, [str(path)])
    assert main(["capture", wire.near, "--seconds", "0.1"]) == 0
    assert "packets       0" in capsys.readouterr().out
    assert main(["capture", "nowhere0", "--seconds", "0.1"]) == 2
    assert "no such interface" in capsys.readouterr().err


@real
def test_what_passes_is_scored(
    wire: Wire, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pytest.importorskip("skops", reason="skops is not installed")
    from pcapframe import _command_score
    from pcapframe.cli import main

    known = pf.open(HERE.parent / "examples" / "lab.pcap").flows()
    rule = pf.models.make_model("sigma", k=0.001).fit(known)
    pf.models.save(rule, tmp_path / "rule.skops")
    with pf.live(wire.near) as live:
        with pytest.raises(ValueError, match="score: no flows"):
            pf.models.score(live, rule)
        wire.send(70, 0)
        assert until(lambda: live.stats.packets == 70)
        scores = pf.models.score(live, rule)
        recorded = live.capture()
    assert len(scores) == 7  # ports
    assert scores["flow_id"].tolist() == pf.models.score(recorded, rule)["flow_id"].tolist()
    assert len(recorded.packets_of(scores[scores["class"] == "ATTACK"])) == 70

    sender = wire.send_once_recorded(70, 0)
    given = ["score", "--model", str(tmp_path / "rule.skops"), "--live", wire.near]
    tell, times = _command_score._tell, 0

    def three_times(scores: Any, told: Any) -> None:
        nonlocal times
        tell(scores, told)
        times += len(scores) == 7
        if times == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_command_score, "_tell", three_times)
    assert main([*given, "--seconds", "120", "--every", "0.2", "--rows", "0"]) == 0
    sender.join()
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if " -> " in line]) == 7  # each once, though they are scored three times
    assert "7 flows" in lines
    assert main([*given, "--seconds", "0.1", "--json"]) == 2
    assert "score: no flows on" in capsys.readouterr().err
    assert main([*given, "capture.pcap"]) == 2
    assert main([*given, "--seconds", "0"]) == 2
