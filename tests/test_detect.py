"""Detectors: the native tables against their twin, the rules on what they are for and on look-alikes, the lab."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_ng as ng
import naive_detect
import pcapframe as pf
import traffic as t
from pcapframe import _core, detectors
from pcapframe._detect_habits import rhythm
from pcapframe._detect_tables import densest, heavy_groups
from pcapframe._frame import Frame

S = 10**9
MS = 10**6
CORPUS = os.environ.get("PCAPFRAME_CORPUS")


def native_tables(octets, window=0, threads=None, chunk=0, bounds=(0, 0)):
    inputs, options, end = pf.open(octets, threads=threads)._begin()
    options = (options[0], chunk, *options[2:])
    (frames, counters, _), _ = _core.detect(inputs, options, (window, *bounds), None, False)
    end()
    return {name: Frame(frame) for name, frame in frames.items()}, counters


def in_order(rows):
    return sorted((dict(sorted(row.items())) for row in rows), key=lambda row: repr(tuple(row.items())))


def plain(frame):
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.rows(*frame.columns)]


# ------------------------------------------------------------------------------------------------------- the tables

HOSTS = ("10.0.0.1", "10.0.0.2", "192.0.2.7", "2001:db8::1", "2001:db8::2")
PAYLOADS = (
    b"", b"x", b"GET / HTTP/1.1\r\n", b"POST /login HTTP/1.1\r\n", b"HTTP/1.1 401 No\r\n", b"HTTP/1.1 200 OK\r\n",
    b"530 no\r\n", b"SSH-2.0-x\r\n", b"\x18\x03\x01\x00\x03\x01\x40\x00", b"HTTP",
    b"\x18\x03\x03\x00\x10\x01\x00\x01" + bytes(13),
)  # fmt: skip


@st.composite
def packets(draw):
    """A few packets between a few ends, so that they meet; times go back now and then."""
    found, time = [], t.START
    for _ in range(draw(st.integers(1, 40))):
        version = draw(st.sampled_from((4, 4, 6)))
        hosts = [host for host in HOSTS if (":" in host) == (version == 6)]
        a, b = draw(st.sampled_from(hosts)), draw(st.sampled_from(hosts))
        ports = draw(st.sampled_from(((40000, 22), (22, 40000), (80, 80), (40001, 8080))))
        kind = draw(st.integers(0, 6))
        if kind <= 2:
            window, words = draw(st.sampled_from((0, 500))), draw(st.sampled_from((5, 6, 10)))
            frame = t.tcp(a, b, *ports, draw(st.integers(0, 63)), draw(st.sampled_from(PAYLOADS)), window, words)
        elif kind == 3:
            frame = t.udp(a, b, *ports, draw(st.sampled_from(PAYLOADS)))
        elif kind == 4:
            types = (0, 8, 13, 14, 5) if version == 4 else (128, 129, 1)
            frame = t.icmp(a, b, draw(st.sampled_from(types)), draw(st.integers(1, 2)), bytes(draw(st.integers(0, 9))))
        elif kind == 5 and version == 4:
            frame = t.arp(draw(st.integers(1, 3)), draw(st.sampled_from(hosts)), a, b)
        elif kind == 6 and version == 4:
            quoted = t.udp(b, a, *ports)[14:42]
            frame = t.ip(a, b, 1, b"\x03\x03" + bytes(6) + quoted[: draw(st.sampled_from((8, 22, 28)))])
        else:
            frame = t.ip(a, b, 89, b"\0\0\xff\xff\0")
        time += draw(st.sampled_from((0, 1000, 200 * MS, 2 * S, 7 * S, -S)))
        found.append((time, frame))
    return found


@settings(max_examples=60, deadline=None)
@given(packets(), st.sampled_from((0, 3 * S)))
def test_tables_equal_their_twin(found, window):
    octets = t.file_of(found)
    frames, _ = native_tables(octets, window)
    for name, wanted in naive_detect.tables(octets, window).items():
        assert in_order(plain(frames[name])) == in_order(wanted), name


def test_pauses_longer_than_a_signed_number_tells():
    """From 1684 to 2255: the difference of the times is beyond an int64."""
    far = 9 * 10**18
    octets = ng.section() + ng.interface(tsresol=9, tsoffset=-far // S) + ng.interface(tsresol=9)
    get = t.tcp("10.0.0.1", "10.0.0.2", 40000, 80, 0x18, b"GET / HTTP/1.1\r\n")
    octets += ng.enhanced(get, 0, number=0) + ng.enhanced(get, far, number=1)
    talks = native_tables(octets)[0]["talks"]
    assert talks["bursts"].values.tolist() == [2]
    assert talks["gap_sum"].values.tolist() == [2 * far // MS]


def busy_capture():
    rng = np.random.default_rng(7)
    found = []
    for number in range(1500):
        source, target = (f"10.0.0.{rng.integers(1, 30)}" for _ in range(2))
        time = t.START + int(rng.integers(0, 20)) * S + number * 1000
        if number % 3:
            found += t.connection(time, source, target, 30000 + number, int(rng.choice((22, 80, 443))))
        else:
            found.append((time, t.arp(int(rng.integers(1, 3)), source, source, target)))
            found.append((time, t.udp(source, target, 5, 6)))
    return t.capture(found)


def test_busy_seconds_equal_their_twin():
    found = [(t.START + i * 10 * MS, t.udp(f"10.0.0.{i % 3 + 1}", "10.0.0.9", i % 60, i % 5)) for i in range(400)]
    octets = t.capture(found)
    frames, _ = native_tables(octets)
    wanted = naive_detect.tables(octets)["seconds"]
    assert len(wanted) == 4
    assert in_order(plain(frames["seconds"])) == in_order(wanted)


def test_any_number_of_threads_and_any_chunk_give_the_same_rows_in_the_same_order():
    octets = busy_capture()
    for window, bounds in ((0, (0, 0)), (5 * S, (0, 0)), (0, (50, 300))):
        wanted, counters = native_tables(octets, window, 1, 0, bounds)
        for threads, chunk in ((1, 4096), (2, 4096), (3, 10000), (8, 5000)):
            found, same = native_tables(octets, window, threads, chunk, bounds)
            assert same == counters
            for name, frame in wanted.items():
                assert plain(found[name]) == plain(frame)


def test_bounds_close_talks_early_and_count_what_is_left_out():
    octets = busy_capture()
    whole, none = native_tables(octets)
    assert not any(none.values())
    early, counters = native_tables(octets, bounds=(100, 0))
    assert counters["closed_early"] > 0
    assert counters["rows_left_out"] == 0
    seen = [sum(int(each["talks"][name].values.sum()) for name in ("packets", "answers")) for each in (whole, early)]
    assert seen[0] == seen[1]  # a talk may have several rows; none loses a packet
    cut, counters = native_tables(octets, bounds=(0, 10))
    assert len(cut["talks"]) == 10
    assert counters["rows_left_out"] == sum(max(0, len(frame) - 10) for frame in whole.values())
    with pytest.warns(pf.CaptureWarning, match="beyond the bounds, and not looked at"):
        found = detectors._detect(pf.open(octets), None, None, {}, (0, 10))
    assert found.provenance["detect_bounds"]["rows_left_out"] == counters["rows_left_out"]


@pytest.mark.soak
def test_a_million_sources_are_bounded():
    head = np.frombuffer(t.capture([(t.START, t.tcp("10.0.0.1", "192.0.2.1", 1000, 80, t.SYN))])[24:], np.uint8)
    count = 3_000_000
    records = np.tile(head, (count, 1))
    records[:, 16 + 26 : 16 + 30] = np.arange(count, dtype=">u4").view(np.uint8).reshape(count, 4)  # the source
    octets = t.capture([]) + records.tobytes()
    with pytest.warns(pf.CaptureWarning, match="connections"):
        found = pf.detect(pf.open(octets), only=["vertical", "horizontal", "beacon", "syn_flood"])
    assert found.provenance["detect_bounds"]["rows_left_out"] == count - (1 << 21)
    assert list(found.rows("kind", "severity", "source")) == [("syn_flood", "high", None)]


# -------------------------------------------------------------------------------------------------------- the rules

A, B, OUT = "10.0.0.66", "10.0.0.10", "203.0.113.9"
GET = b"GET / HTTP/1.1\r\n\r\n"


def kinds(packets, **options):
    found = pf.detect(pf.open(t.capture(packets)), **options)
    return {(kind, severity) for kind, severity in found.rows("kind", "severity") if not kind.startswith("count_")}


def joined(parts):
    return [packet for part in parts for packet in part]


def scan(count, flags=t.SYN, pause=MS, source=A, target=B):
    return joined(t.probe(t.START + port * pause, source, target, 40000, port, flags) for port in range(1, count + 1))


@pytest.mark.parametrize(
    ("flags", "kind"),
    [(t.SYN, "syn"), (t.FIN, "fin"), (0, "null"), (t.FIN | t.PSH | t.URG, "xmas"), (t.ACK, "ack")],
)
def test_vertical_scans(flags, kind):
    assert kinds(scan(120, flags)) == {(f"scan_{kind}", "high")}
    assert not kinds(scan(14, flags))
    assert not kinds(scan(20, flags), scan_ports=30)


def test_a_scan_over_ipv6_is_one_as_well():
    assert kinds(scan(120, source="2001:db8::66", target="2001:db8::10")) == {("scan_syn", "high")}


def test_connect_scans_finish_handshakes():
    open_port = t.connection(t.START, A, B, 40000, 99)
    bare = [*open_port[:3], (t.START + S, t.tcp(A, B, 40000, 99, t.RST | t.ACK))]
    assert kinds(scan(30) + bare) == {("scan_connect", "medium")}


def test_slow_scans_are_scans():
    assert kinds(scan(20, pause=3 * S)) == {("scan_slow", "medium")}


def test_udp_scans_and_what_looks_like_them():
    found = [(t.START + port * 10 * MS, t.udp(A, B, 40000, port)) for port in range(1, 40)]
    assert kinds(found) == {("scan_udp", "medium")}
    traceroute = [(t.START + port * 10 * MS, t.udp(A, OUT, 40000, 33434 + port)) for port in range(60)]
    answers = [(t.START + port * 10 * MS, t.udp("8.8.8.8", A, 123, 40000 + port)) for port in range(60)]
    assert not kinds(traceroute + answers)


def test_sweeps_of_a_port_and_people_who_browse():
    def sweep(port):
        return joined(
            t.probe(t.START + host * MS, A, f"10.1.0.{host}", 40000, port, refused=host % 3 == 0)
            for host in range(1, 40)
        )

    assert kinds(sweep(22)) == {("scan_sweep", "medium")}
    served = joined(
        t.connection(t.START + host * host * 37 * MS, A, f"10.2.0.{host}", 41000 + host, 443) for host in range(1, 60)
    )
    assert not kinds(served + sweep(443))


def test_blocks_of_hosts_and_ports():
    found = joined(
        t.probe(t.START + (host * 9 + port) * MS, A, f"10.1.0.{host}", 40000, port)
        for host in range(1, 12)
        for port in range(1, 10)
    )
    assert kinds(found) == {("scan_block", "medium")}


def test_ping_sweeps_look_for_hosts_and_monitors_do_not():
    sweep = [(t.START + host * 100 * MS, t.icmp(A, f"10.1.0.{host}", 8)) for host in range(1, 50)]
    answers = [(t.START + host * 100 * MS + MS, t.icmp(f"10.1.0.{host}", A, 0)) for host in range(1, 50)]
    assert kinds(sweep) == {("icmp_sweep", "medium")}
    assert not kinds(sweep + answers)


def test_arp_sweeps():
    sweep = [(t.START + host * 100 * MS, t.arp(1, A, A, f"10.0.0.{host}")) for host in range(70, 150)]
    answers = [
        (t.START + host * 100 * MS + MS, t.arp(2, f"10.0.0.{host}", f"10.0.0.{host}", A)) for host in range(70, 150)
    ]
    assert kinds(sweep) == {("arp_sweep", "low")}
    assert not kinds(sweep + answers)


def test_syn_floods_and_crowds():
    one = [(t.START + i * 2 * MS, t.tcp(A, B, i + 1, 80, t.SYN)) for i in range(2000)]
    found = pf.detect(pf.open(t.capture(one)), only="syn_flood")
    assert list(found.rows("severity", "source", "target", "port")) == [("high", A, B, 80)]
    many = [(t.START + i * 2 * MS, t.tcp(f"10.9.{i % 200}.1", B, i + 1, 80, t.SYN)) for i in range(2000)]
    found = pf.detect(pf.open(t.capture(many)), only="syn_flood")
    assert found["source"].tolist() == [None]
    assert "sources=200" in found["evidence"].tolist()[0]
    crowd = joined(t.connection(t.START + i * 3 * MS, f"10.9.{i % 200}.1", B, i + 1, 80) for i in range(900))
    assert not kinds(crowd, only="syn_flood")


def test_udp_floods_and_streams():
    flood = [(t.START + i * MS, t.udp(A, B, 4000, 9999, bytes(100))) for i in range(4000)]
    assert kinds(flood) == {("udp_flood", "high")}
    answered = [(time + 1000, t.udp(B, A, 9999, 4000)) for time, _ in flood[::10]]
    multicast = [(t.START + i * MS, t.udp(A, "239.1.1.1", 4000, 9999, bytes(100))) for i in range(4000)]
    assert not kinds(flood + answered)
    assert not kinds(multicast)
    reflected = [(t.START + i * 5 * MS, t.udp(f"198.51.100.{i % 40}", B, 123, 33000, bytes(90))) for i in range(800)]
    assert kinds(reflected) == {("udp_flood", "high")}


def test_icmp_floods():
    assert kinds([(t.START + i * MS, t.icmp(A, B, 8)) for i in range(1000)]) == {("icmp_flood", "high")}
    assert not kinds([(t.START + i * S, t.icmp(A, B, 8)) for i in range(300)], only="icmp_flood")


def test_http_floods_and_flash_crowds():
    flood = joined(t.connection(t.START + i * 20 * MS, A, B, i + 1024, 80, GET) for i in range(600))
    assert kinds(flood) == {("http_flood", "high")}
    crowd = joined(t.connection(t.START + i * 20 * MS, f"10.9.0.{i % 50}", B, i + 1024, 80, GET) for i in range(600))
    assert not kinds(crowd, only="http_flood")


def test_slow_http_and_idle_pools():
    def held(answered):
        for i in range(60):
            whole = t.connection(t.START + i * 10 * MS, A, B, 20000 + i, 80, GET, b"HTTP/1.1 200 OK", [8] * 6)
            yield [packet for packet in whole if answered or b"200 OK" not in packet[1]]

    assert kinds(joined(held(False)), only="slow_http") == {("slow_http", "high")}
    assert not kinds(joined(held(True)), only="slow_http")


def test_ssh_guesses_and_scripts_and_mistyping():
    def login(i, pauses, start, port=22, data=bytes(300)):
        return t.connection(t.START + int(start * S), A, B, 30000 + i, port, data, bytes(300), pauses)

    guessed = joined(login(i, [2.1] * 4, 12 * (i // 4)) for i in range(8))
    assert kinds(guessed) == {("ssh_brute", "high")}
    elsewhere = joined(login(i, [2.1] * 4, 12 * (i // 4), 22022, b"SSH-2.0-x\r\n") for i in range(8))
    assert kinds(elsewhere) == {("ssh_brute", "high")}
    assert not kinds(joined(login(i, [], 0.5 * i) for i in range(14)), only="ssh_brute")
    typed = joined(login(i, [0.2] * 18 + [2.0] * 3, 60 * i, 22, bytes(36)) for i in range(8))
    assert not kinds(typed, only="ssh_brute")
    assert not kinds(joined(login(i, [2.2], 5 * i) for i in range(4)), only="ssh_brute")


def test_refused_logins():
    def refused(count, port, answer, data):
        return joined(t.connection(t.START + i * 100 * MS, A, B, 30000 + i, port, data, answer) for i in range(count))

    ftp = refused(40, 21, b"530 Login incorrect.\r\n", b"PASS x\r\n")
    assert kinds(ftp, only="ftp_brute") == {("ftp_brute", "high")}
    assert not kinds(refused(4, 21, b"530 no\r\n", b"PASS x\r\n"), only="ftp_brute")
    http = refused(60, 8080, b"HTTP/1.1 401 Unauthorized\r\n", GET)
    assert kinds(http, only="http_brute") == {("http_brute", "high")}
    assert not kinds(refused(60, 8080, b"HTTP/1.1 200 OK\r\n", GET), only="http_brute")
    assert kinds(refused(30, 3389, bytes(900), bytes(900)), only="rdp_brute") == {("rdp_brute", "medium")}
    assert not kinds(refused(10, 3389, bytes(900), bytes(900)), only="rdp_brute")


def test_beacons_with_jitter_and_missed_beats():
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.uniform(42, 78, 40))[rng.random(40) > 0.15]
    found = joined(t.connection(t.START + int(at * S), A, OUT, 30000 + i, 443) for i, at in enumerate(times))
    assert kinds(found) == {("beacon", "medium")}
    assert kinds(t.connection(t.START, A, OUT, 30000, 4444, pauses=[60.0] * 20)) == {("beacon", "medium")}
    assert kinds(t.connection(t.START, A, B, 30000, 4444, pauses=[60.0] * 20)) == {("beacon", "low")}


@pytest.mark.parametrize(("beats", "most"), [(12, 0.03), (20, 0.02)])
def test_random_callers_are_seldom_taken_for_beacons(beats, most):
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(600):
        found = rhythm((np.cumsum(rng.exponential(60, beats)) * S).astype(np.int64))
        assert found is not None
        wrong += found[2] >= 0.75 and found[1] <= 0.2
    assert wrong <= 600 * most


def test_uploads():
    def moved(out, back, target=OUT):
        found = t.connection(t.START, A, target, 30000, 443, bytes(1400), bytes(100))
        for i in range(out // 1400):
            found.append((t.START + (i + 9) * MS, t.tcp(A, target, 30000, 443, t.ACK, bytes(1400))))
        for i in range(back // 1400):
            found.append((t.START + (i + 9) * MS, t.tcp(target, A, 443, 30000, t.ACK, bytes(1400))))
        return found

    assert kinds(moved(2_000_000, 0)) == {("exfil", "medium")}
    assert kinds(moved(2_000_000, 0, B)) == {("exfil", "low")}
    assert not kinds(moved(2_000_000, 1_000_000))
    assert not kinds(moved(500_000, 0))


def test_icmp_tunnels():
    def pings(size, back):
        for i in range(40):
            yield t.START + i * S, t.icmp(A, OUT, 8, 7, bytes(size))
            yield t.START + i * S + MS, t.icmp(OUT, A, 0, 7, bytes(back))

    assert kinds(pings(100, 900), only="icmp_tunnel") == {("icmp_tunnel", "high")}
    assert not kinds(pings(100, 100), only="icmp_tunnel")


def test_heartbeats_that_claim_too_much():
    claim = b"\x18\x03\x02\x00\x03\x01\x40\x00"
    assert kinds(t.connection(t.START, A, B, 30000, 443, claim, bytes(1400))) == {("heartbleed", "high")}
    honest = b"\x18\x03\x02\x00\x17\x01\x00\x04" + bytes(20)
    assert not kinds(t.connection(t.START, A, B, 30000, 443, honest, bytes(1400)))


def test_forged_arp_and_a_standby_that_takes_over():
    gateway, victim, forger = "10.0.0.1", "10.0.0.5", t.mac(A)
    true = [(t.START + i * 10 * S, t.arp(1, gateway, gateway, victim)) for i in range(10)]
    forged = [(t.START + i * 2 * S, t.arp(2, A, gateway, victim, forger)) for i in range(2, 20)]
    own = [(t.START, t.arp(1, A, A, victim))]
    cap = pf.open(t.capture(true + forged + own))
    found = pf.detect(cap, only="arp_spoof")
    assert list(found.rows("source", "target", "severity")) == [(A, gateway, "high")]
    assert len(cap.packets_of(found)) == len(forged)
    taken = [(t.START + 200 * S + i, t.arp(1, A, gateway, gateway, forger)) for i in range(3)]
    assert not kinds(true + taken, only="arp_spoof")


def test_version_scans_and_checks_of_one_service():
    found = []
    for port in (80, 443, 8080):
        handshake = t.connection(t.START, A, B, 40000, port)[:2]
        found += [*handshake, (t.START + 2 * MS, t.tcp(A, B, 40000, port, t.RST))]
        found += t.connection(t.START + S, A, B, 41000, port)
    assert kinds(found, only="version") == {("scan_version", "medium")}
    assert not kinds(found, only="version", version_ports=4)


def wlan(kind, receiver, transmitter, body=b""):
    return bytes([kind, 0, 0, 0]) + receiver + transmitter + transmitter + b"\0\0" + body


def test_wireless_goodbyes_and_names():
    station, point = bytes([0, 1, 2, 3, 4, 5]), bytes([0, 9, 9, 9, 9, 9])
    goodbye = wlan(0xC0, station, point, b"\x07\0")
    cap = pf.open(t.capture([(t.START + i * 10 * MS, goodbye) for i in range(100)], 105))
    found = pf.detect(cap, only="deauth_flood")
    assert list(found.rows("severity", "source")) == [("high", "00:09:09:09:09:09")]
    assert len(cap.packets_of(found)) == 100
    few = pf.open(t.capture([(t.START + i * S, goodbye) for i in range(40)], 105))
    assert not len(pf.detect(few, only="deauth_flood"))
    points = [bytes([4 * i, i, 2, 3, 4, 5]) for i in range(12)]
    beacons = [(t.START, wlan(0x80, b"\xff" * 6, each, bytes(12) + b"\0\4cafe")) for each in points]
    found = pf.detect(pf.open(t.capture(beacons, 105)), only="access_points")
    assert list(found.rows("kind", "severity")) == [("ssid_many_bssids", "medium")]


def test_count_thresholds_are_those_of_the_notebook():
    flood = [(t.START + i * MS, t.udp(f"10.0.0.{i % 20}" if i % 2 else A, B, 5000, 6000)) for i in range(4000)]
    cap = pf.open(t.capture(flood))
    counts = cap.ioc_counts().ip
    wanted = pf.eval_packets(pf.set_threshold(counts, 2), counts)
    assert wanted == {A}
    found = pf.detect(cap, only="count_ip", count_sigma=2)
    assert list(found.rows("kind", "severity", "source")) == [("count_ip", "low", A)]


# ------------------------------------------------------------------------------------------------------ the functions


def test_findings_are_a_frame_in_order_and_know_their_packets():
    found = scan(30) + [(t.START + 60 * S + i * MS, t.icmp(A, B, 8)) for i in range(1000)]
    cap = pf.open(t.capture(found))
    found = pf.detect(cap, only=["vertical", "icmp_flood"])
    assert list(found.rows("kind", "severity")) == [("icmp_flood", "high"), ("scan_syn", "medium")]
    assert isinstance(found[0], pf.Findings)
    assert len(cap.packets_of(found[0])) == 1000
    assert len(cap.packets_of(found[1])) == 60
    assert len(cap.packets_of(found)) == 1060
    assert not len(cap.packets_of(found[:0]))
    with pytest.raises(TypeError, match="findings take no options of flows"):
        cap.packets_of(found[0], "cic2017")
    pytest.importorskip("pandas")
    table = found.to_pandas()
    assert len(cap.packets_of(table.iloc[1])) == 60
    assert len(cap.packets_of(table[:1])) == 1000


def test_windows_are_looked_at_by_themselves():
    twice = pf.open(t.capture(scan(30) + [(time + 100 * S, frame) for time, frame in scan(30)]))
    assert len(pf.detect(twice, only="scan_syn")) == 1
    assert len(pf.detect(twice, only="scan_syn", window="10s")) == 2
    spread = pf.open(t.capture(scan(30, pause=3 * S)))
    assert not len(pf.detect(spread, only="vertical", window="10s"))
    assert len(pf.detect(spread, only="vertical", window="10m")) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"only": "scan_sin"}, ValueError, "no rule or kind 'scan_sin'"),
        ({"scan_port": 3}, TypeError, "no threshold 'scan_port'.*scan_ports"),
        ({"scan_ports": -1}, ValueError, "scan_ports: a number from 0 on"),
        ({"scan_ports": "many"}, ValueError, "scan_ports: a number from 0 on"),
        ({"dns_tunnel_ignore": "a.example"}, ValueError, "dns_tunnel_ignore: a list of texts"),
        ({"window": "soon"}, ValueError, "window"),
    ],
)
def test_wrong_arguments_are_told_before_the_pass(options, error, message):
    with pytest.raises(error, match=message):
        pf.detect(pf.open(t.capture(scan(2))), **options)


def test_every_threshold_is_documented_and_taken():
    page = (Path(__file__).parent.parent / "docs" / "detectors.md").read_text()
    cap = pf.open(t.capture(scan(2)))
    for rule in detectors.rules():
        if rule.reads != "text":
            assert all(f"`{kind}`" in page for kind in rule.kinds), rule.name
            assert all(f"`{name}` {value:g}" in page for name, value in rule.thresholds.items()), rule.name
        pf.detect(cap, only=rule.name, **rule.thresholds)
    names = [name for rule in detectors.rules() for name in rule.thresholds if name != "login_minutes"]
    assert len(names) == len(set(names))


def test_nothing_is_found_in_nothing():
    for octets in (t.capture([]), t.capture([(t.START, b"\0" * 14)])):
        assert not len(pf.detect(pf.open(octets)))


def test_command(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(t.capture(scan(120)))

    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "pcapframe", "detect", *arguments], capture_output=True, text=True)

    assert "scan_syn" in run(str(path)).stdout
    assert run(str(path), "--fail-on", "high").returncode == 3
    assert run(str(path), "--fail-on", "high", "--set", "scan_ports=500").returncode == 0
    document = json.loads(run(str(path), "--json", "-o", str(tmp_path / "f.csv")).stdout)
    assert document["severities"]["high"] == 1
    assert "scan_syn" in (tmp_path / "f.csv").read_text()
    assert run(str(path), "--set", "nothing=1").returncode == 2
    assert "scan_ports=15" in run("--rules").stdout


def test_helpers_equal_their_definitions():
    rng = np.random.default_rng(3)
    times, weights = rng.integers(0, 1000, 60), rng.integers(0, 5, 60)
    best, first, last = densest(times, weights, 100)
    order = np.argsort(times, kind="stable")
    assert best == max(weights[(times >= time) & (times <= time + 100)].sum() for time in times)
    assert weights[order[first : last + 1]].sum() == best
    keys, which = rng.integers(0, 6, 60), np.flatnonzero(times % 2)
    for least in (3, 10):
        found = [set(rows.tolist()) for rows in heavy_groups(least, weights, which, keys)]
        wanted = [set(which[keys[which] == key].tolist()) for key in range(6)]
        assert found == [rows for rows in wanted if rows and weights[list(rows)].sum() >= least]


# ---------------------------------------------------------------------------------------------------------- the lab


@pytest.mark.skipif(CORPUS is None, reason="the labelled recordings are not here: set PCAPFRAME_CORPUS")
def test_the_lab(monkeypatch):
    folder = Path(str(CORPUS)) / "lab"
    if not folder.is_dir():
        pytest.skip("PCAPFRAME_CORPUS has no folder lab of labelled recordings")
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "tools"))
    import lab

    missed = []
    for name, steps in lab.steps_of(folder).items():
        findings = list(lab.findings_of(folder / name))
        for step in steps:
            if not any(lab.fits(step, each, step.kinds) for each in findings):
                missed.append((name, step.label))
        for each in findings:
            kinds_of = [step.kinds | lab.FOLLOWS.get(step.label, set()) for step in steps]
            true = any(lab.fits(step, each, kinds) for step, kinds in zip(steps, kinds_of, strict=True))
            assert true or each["severity"] != "high", (name, each)
    # Of a URL that 96 octets over IPv6 leave nothing of, nothing can be read.
    assert missed == [("web_attack_snap96.pcap", "web_attack_xss")]


def test_floods_at_the_end_of_time():
    """The second after the last one there is has no number; talks went on at times that lie before."""
    last = 2**63 - 1
    frames = [t.udp("10.0.0.1", "10.0.0.2", 1024 + n, 9) for n in range(1200)]
    parts = [ng.section(), ng.interface(tsresol=9)]
    parts += [ng.enhanced(frame, time) for time in (last, 5) for frame in frames]
    cap = pf.open(b"".join(parts))
    found = pf.detect(cap, only="udp_flood")
    assert found["last_time"].values.max() == last
    assert len(cap.packets_of(found)) == 1200
