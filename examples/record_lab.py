#!/usr/bin/env python3
"""Record examples/lab.pcap: real tools talking on a small network made of network namespaces.

    sudo python3 examples/record_lab.py [OUTPUT]

One namespace, the wire, holds a bridge; every host is a namespace of its own, plugged into that bridge.
There is no default route and no way out: the addresses are documentation addresses (RFC 5737, RFC 3849, RFC 9542)
and the names end in .example. Every program the script starts also gets a host name, a resolver configuration and
a user table of its own, so nothing of the recording machine shows up in the capture. What is random is drawn from
a fixed seed; time stamps, ports and keys differ from one recording to the next.
"""

import argparse
import ctypes
import fcntl
import ipaddress
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOOLS = {  # program: the Debian package it comes in
    "curl": "curl",
    "dnsmasq": "dnsmasq-base",
    "getent": "libc-bin",
    "hostname": "hostname",
    "hping3": "hping3",
    "ip": "iproute2",
    "mount": "mount",
    "nmap": "nmap",
    "ping": "iputils-ping",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "tcpdump": "tcpdump",
    "unshare": "util-linux",
}
NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")  # servers, clients, outsiders
DNS, SSH, WWW, FILES = "192.0.2.53", "192.0.2.22", "192.0.2.80", "192.0.2.81"
CLIENTS = [f"198.51.100.{number}" for number in range(11, 43)]
NAME_HUNTER, SCANNER, FLOODER = "198.51.100.66", "203.0.113.9", "203.0.113.66"
NAMES = {"ns.example": DNS, "ssh.example": SSH, "www.example": WWW, "files.example": FILES}
MISSPELT = ("wwww.example", "flies.example", "pritner.example", "mial.example", "intranet.example", "wpad.example")
PAGES = {"index.html": 700, "news.html": 1200, "prices.csv": 2600, "notes.txt": 400}  # name: bytes
FLOOD_PACKETS, FLOOD_SEQUENCE = 3000, 424242
SCAN_PORTS = "1-300"
SEED = 20
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# Runs in the namespace of one host, before the program itself: an own host name and own files in /etc.
PRELUDE = """
set -e
hostname lab
for file in hosts resolv.conf nsswitch.conf passwd shadow; do mount --bind "$LAB/etc/$file" "/etc/$file"; done
if [ "$1" = sshd ]; then
    mount -t tmpfs tmpfs /var/log
    mount -t tmpfs tmpfs /run
    mkdir -m 755 /run/sshd
    shift
    exec "$(command -v sshd)" "$@"
fi
exec "$@"
"""
ETC = {
    "hosts": "127.0.0.1 localhost lab\n",
    "resolv.conf": f"nameserver {DNS}\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    "passwd": "root:x:0:0:root:/nonexistent:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "shadow": "root:*:19000:0:99999:7:::\n",
}
SSHD_CONFIG = """
HostKey {lab}/host_key
AuthorizedKeysFile {lab}/user_key.pub
ListenAddress 0.0.0.0
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PidFile none
"""


def network(address):
    """The position in NETWORKS of the network an IPv4 address belongs to."""
    return [ipaddress.ip_address(address) in ipaddress.ip_network(net) for net in NETWORKS].index(True)


def ipv6(address):
    """The IPv6 address of a host, made from its IPv4 address: 192.0.2.53 has 2001:db8:0:0::53."""
    return f"2001:db8:0:{network(address)}::{address.rsplit('.', 1)[1]}"


class Lab:
    """The namespaces, the programs that run in them, and the directory with their files."""

    def __init__(self, addresses):
        """Plan one host for each IPv4 address; build() makes them."""
        self.prefix = f"pcaplab{os.getpid()}"
        self.wire = f"{self.prefix}-wire"
        self.addresses = addresses
        self.made = []
        self.running = []
        self.dir = Path(tempfile.mkdtemp(prefix="pcaplab-"))
        self.env = {"PATH": PATH, "LC_ALL": "C", "HOME": str(self.dir), "LAB": str(self.dir)}

    def namespace(self, address):
        """The name of the namespace of one host."""
        return f"{self.prefix}-{address}"

    def ip(self, namespace, commands):
        """Give a list of ip(8) commands to one run of ip in a namespace."""
        subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(commands), text=True, check=True)

    def build(self):
        """Make the bridge and the hosts, each with one interface eth0 on the bridge."""
        for namespace in [self.wire, *map(self.namespace, self.addresses)]:
            subprocess.run(["ip", "netns", "add", namespace], check=True)
            self.made.append(namespace)
        off = "for each in all default; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done"
        subprocess.run(["ip", "netns", "exec", self.wire, "sh", "-c", off], check=True)
        self.ip(self.wire, ["link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set br0 up"])
        for index in range(1, len(self.addresses) + 1):
            self.ip(
                self.wire,
                [
                    f"link add p{index} type veth peer name h{index} address 00:00:5e:00:53:{index:02x}",
                    f"link set p{index} master br0 up",
                ],
            )
        self.fill_in_checksums([f"h{index}" for index in range(1, len(self.addresses) + 1)])
        for index, address in enumerate(self.addresses, 1):
            self.ip(self.wire, [f"link set h{index} netns {self.namespace(address)} name eth0"])
            self.ip(
                self.namespace(address),
                [
                    "link set lo up",
                    "link set eth0 addrgenmode none up",
                    f"address add {address}/24 dev eth0",
                    f"address add {ipv6(address)}/32 dev eth0 nodad",
                    *(f"route add {net} dev eth0" for net in NETWORKS if net != NETWORKS[network(address)]),
                ],
            )
        time.sleep(2)  # until the hosts have announced their multicast groups

    def fill_in_checksums(self, interfaces):
        """Have the kernel compute checksums and cut segments (ethtool -K ... tx off), as a wire would show them."""
        libc = ctypes.CDLL(None, use_errno=True)
        clone_newnet, siocethtool, ethtool_stxcsum = 0x40000000, 0x8946, 0x17
        with open("/proc/self/ns/net") as home, open(f"/run/netns/{self.wire}") as wire:
            if libc.setns(wire.fileno(), clone_newnet):
                raise OSError(ctypes.get_errno(), "setns")
            handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # stays in the namespace it was made in
            if libc.setns(home.fileno(), clone_newnet):
                raise OSError(ctypes.get_errno(), "setns")
        with handle:
            for interface in interfaces:
                value = ctypes.create_string_buffer(struct.pack("II", ethtool_stxcsum, 0))
                fcntl.ioctl(handle, siocethtool, struct.pack("16sP", interface.encode(), ctypes.addressof(value)))

    def command(self, namespace, words):
        """The command line that runs a program as a host of the lab."""
        return ["ip", "netns", "exec", namespace, "unshare", "--uts", "sh", "-c", PRELUDE, "sh", *map(str, words)]

    def serve(self, address, port, *words):
        """Start a server on a host and wait until it listens on its TCP port."""
        log = self.dir / f"server-{address}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                self.command(self.namespace(address), words),
                env=self.env,
                cwd=self.dir / "www",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.running.append(process)
        wait_until(lambda: listens(process.pid, port), process, log)

    def run(self, address, *words, codes=(0,)):
        """Run one tool on a host to its end; codes are the exit codes that are fine."""
        done = subprocess.run(
            self.command(self.namespace(address), words),
            env=self.env,
            cwd=self.dir,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=40,
        )
        if done.returncode not in codes:
            raise RuntimeError(f"{words[0]} on {address} ended with {done.returncode}: {done.stderr.strip()}")

    def record(self, path):
        """Start tcpdump on the bridge, which sees every frame once; returns the process."""
        log = self.dir / "tcpdump.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                self.command(self.wire, ["tcpdump", "-i", "br0", "-n", "-B", "8192", "-Z", "root", "-w", path]),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.running.append(process)
        wait_until(lambda: "listening on" in log.read_text(), process, log)
        return process

    def stop(self, process):
        """End one of the programs this lab started."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.remove(process)

    def clean_up(self):
        """End what still runs, delete the namespaces (and with them the interfaces) and the directory."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        for process in reversed(self.running[:]):
            self.stop(process)
        for namespace in reversed(self.made):
            subprocess.run(["ip", "netns", "delete", namespace], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def wait_until(condition, process, log):
    """Wait for a condition; give up when the program ended or after ten seconds."""
    for _ in range(200):
        if condition():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"a program of the lab did not start: {log.read_text().strip()}")


def listens(pid, port):
    """Whether a process has moved to its network namespace and a TCP socket there listens on this port."""
    if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        return False
    rows = []
    for table in ("tcp", "tcp6"):
        rows += Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)


def prepare_files(lab):
    """Write what the servers and tools read: the files for /etc, the web pages and throwaway ssh keys."""
    (lab.dir / "etc").mkdir()
    for name, text in ETC.items():
        (lab.dir / "etc" / name).write_text(text)
    (lab.dir / "www").mkdir()
    for name, size in PAGES.items():
        text = "".join(f"line {line} of {name}\n" for line in range(size // 10))[:size]
        (lab.dir / "www" / name).write_text(text)
        os.utime(lab.dir / "www" / name, (1_700_000_000, 1_700_000_000))
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", lab.dir / name], check=True)
    (lab.dir / "sshd_config").write_text(SSHD_CONFIG.format(lab=lab.dir))


def start_servers(lab):
    """A name server that knows four names, an ssh server and two web servers."""
    records = [f"--host-record={name},{address},{ipv6(address)}" for name, address in NAMES.items()]
    lab.serve(
        DNS,
        53,
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--pid-file=",
        "--no-resolv",
        "--no-hosts",
        "--local=/example/",
        *records,
    )
    lab.serve(SSH, 22, "sshd", "-D", "-e", "-f", lab.dir / "sshd_config")
    for address in (WWW, FILES):
        lab.serve(
            address, 80, sys.executable, "-I", "-m", "http.server", "80", "--bind", "::", "--protocol", "HTTP/1.1"
        )


def ordinary(lab, address):
    """What an ordinary client does: look up names, mistype one or two, fetch pages, log in, ping."""
    rng = random.Random(f"{SEED} {address}")

    def pause():
        time.sleep(rng.uniform(0.05, 0.4))

    pause()
    lab.run(address, "getent", "ahosts", *rng.sample(sorted(NAMES), 3))
    for _ in range(rng.randint(2, 4)):
        site = rng.choice(("www.example", "www.example", "files.example"))
        pages = rng.choices([*PAGES, "missing.html"], k=rng.randint(2, 4))
        lab.run(
            address,
            "curl",
            "-q",
            "-s",
            rng.choice(("-4", "-4", "-4", "-6")),
            "-m",
            "20",
            *(f"http://{site}/{page}" for page in pages),
        )
        pause()
    lab.run(address, "getent", "ahostsv4", *rng.sample(MISSPELT, rng.randint(1, 3)), codes=(0, 2))
    if rng.random() < 0.6:
        lab.run(
            address,
            "ssh",
            "-F",
            "none",
            "-4",
            "-i",
            lab.dir / "user_key",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "BatchMode=yes",
            "root@ssh.example",
            f"seq {rng.randint(50, 200)}",
        )
        pause()
    if rng.random() < 0.5:
        lab.run(address, "ping", rng.choice(("-4", "-4", "-6")), "-n", "-q", "-c", "2", "-i", "0.2", "ns.example")


def hunt_names(lab, address):
    """Ask for 90 made-up names, none of which exists."""
    rng = random.Random(f"{SEED} names")
    names = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=12)) + ".example" for _ in range(90)]
    for start in range(0, len(names), 10):
        lab.run(address, "getent", "ahostsv4", *names[start : start + 10], codes=(0, 2))
        time.sleep(0.1)


def scan(lab, address):
    """A SYN scan of three servers; nmap keeps one sequence number for its probes."""
    lab.run(
        address,
        "nmap",
        "-sS",
        "-n",
        "-Pn",
        "-r",
        "-p",
        SCAN_PORTS,
        "--max-retries",
        "1",
        "--max-rate",
        "400",
        DNS,
        SSH,
        WWW,
    )


def flood(lab, address):
    """A bounded SYN flood of one web server, about 1000 packets a second, all with the same sequence number."""
    lab.run(
        address,
        "hping3",
        "-q",
        "-n",
        "-S",
        "-p",
        "80",
        "-s",
        "20000",
        "-M",
        str(FLOOD_SEQUENCE),
        "-c",
        str(FLOOD_PACKETS),
        "-i",
        "u1000",
        FILES,
        codes=(0, 1),
    )


def play(lab):
    """Let the clients work, eight at a time and in a fixed order, with the three suspicious hosts among them."""
    order = CLIENTS[:]
    random.Random(SEED).shuffle(order)
    tasks = [(ordinary, address) for address in order]
    tasks.insert(14, (flood, FLOODER))
    tasks.insert(9, (scan, SCANNER))
    tasks.insert(4, (hunt_names, NAME_HUNTER))
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(task, lab, address) for task, address in tasks]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    time.sleep(2)  # until tcpdump has got the last packets


def check(path):
    """Read the capture back; raises when it is not what the examples need, returns packets and sources."""
    data = path.read_bytes()
    if struct.unpack("<I16xI", data[:24]) != (0xA1B2C3D4, 1):
        raise RuntimeError("not a little-endian classic pcap file of Ethernet frames")
    allowed = [ipaddress.ip_network(net) for net in (*NETWORKS, "2001:db8::/32", "ff02::/16")]
    packets, at, sources = 0, 24, set()
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        packets += 1
        kind = frame[12:14]
        pair = {b"\x08\x00": (frame[26:30], frame[30:34]), b"\x86\xdd": (frame[22:38], frame[38:54])}.get(kind, ())
        for address in map(ipaddress.ip_address, pair):
            if not any(address in net for net in allowed):
                raise RuntimeError(f"packet {packets}: {address} is not a documentation address")
        if kind == b"\x08\x00":
            sources.add(frame[26:30])
    if len(sources) < 25 or not 1_000_000 <= len(data) <= 2_000_000:
        raise RuntimeError(f"{len(sources)} sources and {len(data)} bytes; wanted at least 25 and 1-2 MB")
    return packets, len(sources)


def main():
    """Build the lab, record, check and put the capture in its place."""
    parser = argparse.ArgumentParser(description="Record examples/lab.pcap in network namespaces (needs root).")
    parser.add_argument("output", nargs="?", type=Path, default=Path(__file__).resolve().with_name("lab.pcap"))
    output = parser.parse_args().output
    if os.geteuid() != 0:
        sys.exit("record_lab.py: needs root, to make network namespaces")
    os.environ["PATH"] = PATH
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        sys.exit(f"record_lab.py: tools are missing; on Debian: apt-get install {' '.join(missing)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("record_lab.py: terminated"))

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # on one processor the packets stay in order of time
    lab = Lab([DNS, SSH, WWW, FILES, *CLIENTS, NAME_HUNTER, SCANNER, FLOODER])
    try:
        prepare_files(lab)
        lab.build()
        start_servers(lab)
        raw = lab.dir / "lab.pcap"
        recorder = lab.record(raw)
        play(lab)
        lab.stop(recorder)
        log = (lab.dir / "tcpdump.log").read_text()
        if "\n0 packets dropped by kernel" not in log:
            raise RuntimeError(f"tcpdump lost packets: {log.strip()}")
        packets, sources = check(raw)
        shutil.copyfile(raw, output)
        os.chmod(output, 0o644)
        owner = os.stat(output.parent)
        os.chown(output, owner.st_uid, owner.st_gid)
        print(f"{output.name}: {output.stat().st_size} bytes, {packets} packets, {sources} source IPv4 addresses")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"record_lab.py: {error}")
    finally:
        lab.clean_up()


if __name__ == "__main__":
    main()
