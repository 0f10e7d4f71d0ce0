"""Opening captures, and asking them questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from . import _compressed, _core, _export, _flows, _given, _index, _inputs, _progress, _split, _times, _where
from ._batches import Batches
from ._columns import check_columns
from ._counts import Counts, IocCounts
from ._frame import Frame
from ._group import Names, Question, check_question
from ._info import CaptureFault, CaptureInfo, full_info, interface_of, warn
from ._options import _filters, _narrowed, _Options, _Path
from ._text import display

if TYPE_CHECKING:
    from ._indicators import Indicators
    from ._match import Hits
    from ._pieces import Partition

_MOST_ROWS = 2**31 - 1  # of a batch: what an Arrow dictionary's codes tell apart

_WRITTEN = {".pcap": "pcap", ".cap": "pcap", ".pcapng": "pcapng"}


class Capture:
    """An opened capture. It is never changed, and several threads may ask it at once.

    A question is one pass over all packets, on all threads, with the GIL released; Ctrl-C ends it at once and leaves
    the Capture as it was.
    """

    __slots__ = ("_faults", "_inputs", "_options")

    def __init__(
        self, inputs: tuple[_core.Input, ...], options: _Options, faults: tuple[CaptureFault, ...] = ()
    ) -> None:
        _narrowed(inputs, options.filters)
        self._inputs = inputs
        self._options = options
        self._faults = faults

    def __reduce__(self) -> Any:
        raise TypeError("a Capture cannot be pickled: hand on its path, and open it there; Counts can, and are added")

    def __copy__(self) -> Capture:
        return self  # never changed

    def __deepcopy__(self, memo: object) -> Capture:
        return self

    @property
    def reusable(self) -> bool:
        """Whether it can be asked more than once; a pipe cannot."""
        return not any(source.once for source in self._inputs)

    def end(self) -> bool:
        """Tell the question that waits at the end of a followed file (``open(..., follow=True)``) that no more comes.

        Returns
        -------
        bool
            Whether there was such a file, not told so before. The next question waits anew.
        """
        return sum(source.end() for source in self._inputs) > 0  # all of them are told

    @property
    def files(self) -> list[str]:
        """The names of the inputs, in the order in which they are read."""
        return [source.name for source in self._inputs]

    def _octets(self) -> int | None:
        sizes = [_inputs.size(source) for source in self._inputs]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def __repr__(self) -> str:
        files = self.files
        names = files[0] if len(files) == 1 else f"{len(files)} files from {files[0]} on"
        octets = self._octets()
        narrowed = [
            f"filter {each.expression!r}" if isinstance(each, _core.Filter) else "conditions on columns"
            for each in self._options.filters
        ]
        if (self._options.first, self._options.last) != (_times.EARLIEST, _times.LATEST):
            narrowed.append("a period of time")
        shown = ", ".join(["a stream" if octets is None else f"{octets:,} octets", *narrowed])
        return f"<Capture {display(names)}: {shown}>"

    def _begin(
        self, on_packets: Callable[[int], object] | None = None, quiet: bool = False
    ) -> tuple[tuple[_core.Input, ...], Any, Callable[[], None]]:
        """Inputs and options for one pass of the core, and what to call when it is over."""
        total, progress, options = self._octets(), self._options.progress, self._options
        inputs = tuple(map(_inputs.fresh, self._inputs))
        readers = [source.file for source in inputs if isinstance(source.file, _compressed.Reader)]
        done = 0
        bar = None
        # A reader of a file object serves one pass at a time, and only its own pass may end it.
        held: list[_compressed.Reader] = []

        def end() -> None:
            while held:
                reader = held.pop()
                reader.close()
                reader.in_use.release()
            if bar is not None:
                bar.close()

        for reader in readers:
            if not reader.in_use.acquire(blocking=False):
                end()
                raise RuntimeError(f"{reader.name}: is busy: another call is reading it; paths serve many")
            held.append(reader)
        if not callable(progress):
            wanted = (
                progress if progress is not None else _progress.watched() and (total is None or total > _progress.LARGE)
            )
            progress = bar = _progress.shown(total) if wanted and not quiet else None

        def tick(octets: int, packets: int) -> None:
            nonlocal done
            if progress is not None:
                # Of what is compressed, the octets on the disk count.
                done = max(done, octets + sum(reader.taken - reader.given for reader in readers))
                progress(done, total)
            if on_packets is not None:
                on_packets(packets)

        heard = tick if progress is not None or on_packets is not None else None
        narrowing = (options.filters, options.first, options.last, options.flows)
        return inputs, (options.threads, options.chunk, options.strict, heard, narrowing), end

    def _run(
        self,
        ask: Callable[..., Any],
        *arguments: Any,
        on_packets: Callable[[int], object] | None = None,
        stacklevel: int = 4,
    ) -> Any:
        """Put a question to the core, show progress meanwhile and warn of faults afterwards."""
        inputs, options, end = self._begin(on_packets)
        try:
            result, faults = ask(inputs, options, *arguments)
        finally:
            end()
        found = self._found(faults)
        warn(found, stacklevel)
        return result, found

    def _found(self, faults: Iterable[Any]) -> tuple[CaptureFault, ...]:
        return tuple(self._fault(*fault) for fault in faults)

    def _fault(
        self, kind: str, number: int, frame_number: int, offset: int | None, lost: int, message: str
    ) -> CaptureFault:
        return CaptureFault(kind, self._inputs[number].name, frame_number, offset, lost, message)

    def filter(
        self, expression: str | None = None, *, any_of: Iterable[Mapping[str, Any]] | None = None, **fields: Any
    ) -> Capture:
        """Narrow the capture to the packets that match a filter as tcpdump takes it, or conditions on columns.

        The expression (BPF syntax, ``man pcap-filter``) sees what tcpdump sees: the outermost headers, and what is
        behind VLAN tags only after ``vlan``. libpcap compiles it once for each link type of the capture; names of hosts
        in it are looked up then. Where it serves some link types of the capture and not others, packets of the others
        do not match and a `CaptureWarning` says so; with ``strict=True`` that is a `FilterError`. Packets keep their
        numbers.

        Parameters
        ----------
        expression : str, optional
            Such as ``"tcp or udp port 53"``; an empty one matches all. A capture that is narrowed already is narrowed
            further.
        any_of : list of dicts, optional
            Alternatives: a packet must meet all conditions of one of them, such as
            ``[{"tcp_dstport": 22}, {"udp_dstport": slice(33434, 33535)}]``.
        **fields
            Conditions that all must hold, by the name of any column (`columns`), inside tunnels too: a value; a set,
            list or array of values; ``slice(lo, hi)`` for numbers and times, half-open, either end None; None for
            packets that have no such field. An address column takes networks such as ``"10.0.0.0/8"`` as well. Text is
            compared as the column shows it.

        Returns
        -------
        Capture
            A new one, of the same files; this one stays as it is.

        Raises
        ------
        FilterError
            It cannot be understood, serves no link type of the capture, is longer than 4096 octets, or libpcap is not
            built in; the one line says what to do.
        KeyError
            No such column; the nearest are named.
        TypeError, ValueError
            A value that the column cannot have.

        Examples
        --------
        >>> cap.filter(tcp_flags_syn=1, tcp_flags_ack=0).packets("ip_src")  # doctest: +SKIP
        """
        filters = (*self._options.filters, *_filters("filter", expression), *_where.conditions(fields, any_of))
        return Capture(self._inputs, replace(self._options, filters=filters), self._faults)

    def between(self, start: Any = None, end: Any = None) -> Capture:
        """Narrow the capture to the packets from `start` on and before `end`, to the nanosecond.

        Parameters
        ----------
        start, end : ISO 8601 text, datetime, numpy.datetime64, pandas.Timestamp, int (ns since the epoch) or None
            ``"2017-07-05T09:47Z"``; without an offset the time is UTC. None leaves that end open.

        Returns
        -------
        Capture
            A new one, of the same files; this one stays as it is. A packet without a time is not in it.

        Raises
        ------
        ValueError
            Text or a value that is no time, or an end that lies before the start.
        TypeError
            Something of another type.
        """
        first, last = _times.period(start, end)
        options = self._options
        return Capture(
            self._inputs, replace(options, first=max(first, options.first), last=min(last, options.last)), self._faults
        )

    def index(self, path: _Path | None = None, *, cache: bool = False) -> list[_index.CaptureIndex]:
        """Read each file once and save where in it which times are, so that `between` needs to read little of it.

        The index of ``NAME`` is ``NAME.pfx`` beside it, or lies in the user's cache folder where that cannot be
        written. `open` finds it there. It is used only while size, time of modification and both ends of the capture
        are as they were, and no answer depends on it.

        Parameters
        ----------
        path : path, optional
            The file to write instead, or a folder for ``NAME.pfx``; ``open(..., index=path)`` uses it.
        cache : bool
            Write into the user's cache folder.

        Returns
        -------
        list of CaptureIndex
            One for each file; what is compressed or no file has none.

        Raises
        ------
        ValueError
            No file can have one.
        CaptureError
            A file changed meanwhile, or has more than 16,384 interfaces.
        OSError
            It could not be written.
        """
        return _index.index(self, path, cache)

    def info(self, full: bool = False) -> CaptureInfo:
        """Say what the capture is.

        Parameters
        ----------
        full : bool
            Read all of it: number of packets, earliest and latest time, what is wrong with the file and with packets.
            Of a narrowed capture, only packets that are in it count.

        Returns
        -------
        CaptureInfo
        """
        inputs = self._inputs
        if _given.truth("full", full):
            census, faults = self._run(_core.census)
            return full_info(census, self._formats(), self._octets(), self._faults + faults)
        seen = [interface_of(found) for source in inputs for found in source.interfaces]
        links = tuple(dict.fromkeys(interface.link_type for interface in seen))
        return CaptureInfo(self._formats(), links, tuple(seen), self._octets(), inputs[0].first_time)

    def _formats(self) -> str:
        return ", ".join(dict.fromkeys(source.format for source in self._inputs))

    def partitions(self, size: int | str | None = "256MB") -> list[Partition]:
        """Cut the capture into pieces that other processes and machines can be asked about.

        Parameters
        ----------
        size : int, str or None
            Octets of a piece, a number or text such as ``"256MB"``; with None each file is one piece. Compressed files
            always are.

        Returns
        -------
        list of Partition
            In file order. They can be pickled, and open the files, by their names, where they are asked. Their answers
            are added: ``sum(partials[1:], partials[0]).finish()`` is the answer of the whole capture, to the last bit.

        Raises
        ------
        CaptureError
            The capture has no file that others could open: a pipe, octets, a file object; or it is narrowed to flows.
        ValueError
            A `size` that makes more than 1,048,576 pieces.
        """
        from ._pieces import partitions

        return partitions(self, size)

    def ioc_counts(self, compat: str | None = None, *, dns_rule: str = "empty", seq_rule: str = "all") -> IocCounts:
        """Count indicators of compromise in one pass.

        Parameters
        ----------
        compat : None or "scapy"
            With "scapy" exactly what a loop over scapy's packets counts: IPv4 only, its view of tunnels and ports.
        dns_rule : "empty" or "nxdomain"
            Which DNS replies count: those without an answer, or those with response code 3.
        seq_rule : "all" or "data"
            Which TCP segments count: all, or those with payload, SYN or FIN (most repeated numbers are bare
            acknowledgments of one transfer).

        Returns
        -------
        IocCounts
            ``(dns, ip, seq)``: DNS replies per client (``ip_dst``), packets per source address (``ip_src``), packets
            per TCP sequence number (``tcp_seq_raw``).
        """
        return self._ioc_counts(compat, dns_rule, seq_rule)

    def _ioc_counts(
        self,
        compat: str | None,
        dns_rule: str = "empty",
        seq_rule: str = "all",
        on_packets: Callable[[int], object] | None = None,
    ) -> IocCounts:
        rules = _rules(compat, dns_rule, seq_rule)
        (dns, ip, seq), _ = self._run(_core.ioc_counts, rules, on_packets=on_packets, stacklevel=5)
        return IocCounts(Counts(dns, "ip_dst"), Counts(ip, "ip_src"), Counts(seq, "tcp_seq_raw"))

    def select(
        self,
        dns: Iterable[str] | None = None,
        ip: Iterable[str] | None = None,
        seq: Iterable[int] | None = None,
        compat: str | None = None,
        *,
        dns_rule: str = "empty",
        seq_rule: str = "all",
        columns: Iterable[str] | str | None = None,
        any_of: Iterable[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> Frame:
        """Collect the packets that `ioc_counts` counted under any of the given keys, or that meet conditions.

        Parameters
        ----------
        dns, ip, seq : iterable of keys, optional
            Addresses of clients, source addresses, sequence numbers. A packet is in when it was counted under a key of
            any kind, and is there once.
        compat, dns_rule, seq_rule
            Those of the counts.
        columns : list of names, groups or patterns, optional
            As for `packets`.
        any_of, **fields
            Conditions on columns, as `filter` takes them. A packet must meet them and, where there are keys, be counted
            under one.

        Returns
        -------
        Frame
            One row per packet, in file order.

        Raises
        ------
        TypeError, ValueError
            A key that cannot be one.
        KeyError
            No such column; the nearest are named.
        """
        names = check_columns(columns)
        narrowed = self.filter(any_of=any_of, **fields)
        if dns is None and ip is None and seq is None and not fields and any_of is None:
            raise TypeError("select needs keys (dns=, ip= or seq=) or conditions such as tcp_dstport=22")
        stamped = self._stamped(names).filter(any_of=any_of, **fields)
        if dns is None and ip is None and seq is None:
            native, faults = stamped._run(_core.packets, names, None)
            return Frame(native, narrowed, narrowed._faults + faults)
        rules = _rules(compat, dns_rule, seq_rule)
        suspects = (rules, *(() if keys is None else keys for keys in (dns, ip, seq)))
        native, faults = stamped._run(_core.packets, names, suspects)
        asked = {"select": {"compat": compat, "dns_rule": dns_rule, "seq_rule": seq_rule}}
        return Frame(native, narrowed, narrowed._faults + faults, asked)

    def flows(
        self,
        variant: str = "corrected",
        compat: str | None = None,
        *,
        names: str = "published",
        protocols: str | Iterable[str] | None = None,
        flow_timeout_us: int | None = None,
        activity_timeout_us: int | None = None,
        min_packets: int | None = None,
        max_flows: int | None = None,
        ipv6: bool | None = None,
        sort: bool | None = None,
        dedup_us: int | None = None,
        count_padding: bool | None = None,
        udp_header: str | int | None = None,
        ghost_flows: bool | None = None,
        flush_last_active: bool | None = None,
        quantize: str | None = None,
        tz: str | None = None,
        extra: str | Iterable[str] | None = None,
    ) -> _flows.FlowFrame:
        """Put packets together into bidirectional flows with the features of CICIDS2017, in one pass.

        ``docs/flow-features.md`` says what each column is and how the variants differ. Options that are not given are
        the variant's own.

        Parameters
        ----------
        variant : "corrected" or "cic2017"
            "cic2017" is the tool that made the published files, faults and all, for models trained on those;
            "corrected" counts what the names say, ends flows where connections end, and knows IPv6.
        compat : None or "fork"
            With "fork" corrected flows as the tool behind the improved data sets of 2021 and 2022 makes them.
        names : "published", "v4" or "2021"
            The names of the columns: those of CICIDS2017, of CSE-CIC-IDS2018, or of the tool of 2021.
        protocols : "all" or a set of "tcp", "udp", "icmp", "igmp", "sctp", "other"
            Which packets are in flows: all for "cic2017", TCP and UDP for "corrected".
        flow_timeout_us : int
            A flow is split where a packet comes more than this after its start, in microseconds (120,000,000).
        activity_timeout_us : int
            A longer gap is idle time (5,000,000).
        min_packets : int
            Flows of fewer packets are left out: 2 for "cic2017", 1 for "corrected".
        max_flows : int
            How many may be open at once (1,000,000); beyond, the one touched longest ago is ended as ``evicted``.
        ipv6 : bool
            Whether IPv6 is taken; "cic2017" cannot.
        sort : bool
            Take packets by time where they are late by up to a second.
        dedup_us : int
            Leave out a packet that is, from the IP header on, the copy of one at most so long before.
        count_padding, udp_header : bool, "last_tcp" or 8
            Of "cic2017": whether Ethernet padding is payload, and how long a UDP header is.
        ghost_flows : bool
            Read Ethernet frames that are no IP as IPv4, as the Java tools do.
        flush_last_active : bool
            Let the active time that the end of a flow cuts off count.
        quantize : None or "excel"
            Round doubles as a spreadsheet did in the published files.
        tz : str
            The time zone of times in published text: "America/Halifax" for "cic2017", else "UTC".
        extra : some of "tls", "dns", "http", "rtt", "state", "retrans"
            More columns, behind the others: names and fingerprints of the first messages, the round trip of the
            handshake, the state of the connection as Zeek's conn.log has it, retransmissions as Wireshark counts them.

        Returns
        -------
        FlowFrame
            A Frame with a row for each flow, by start time, then first packet. Times are int64 ns, UTC.

        Raises
        ------
        ValueError
            An option that cannot be; a packet of a link type that the variant cannot take.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "variant", "compat", "names")}
        return _flows.flows(self, variant, compat, names, given)

    def flow_batches(
        self,
        variant: str = "corrected",
        compat: str | None = None,
        *,
        rows: int = 100_000,
        names: str = "published",
        **options: Any,
    ) -> _flows.FlowBatches:
        """Return the flows as Frames of equally many rows, in the order in which they end: for captures beyond memory.

        Parameters
        ----------
        variant, compat, names, **options
            As for `flows`, whose rows these are.
        rows : int
            Rows of each Frame; the last may have fewer.

        Returns
        -------
        FlowBatches
            Iterate over it, as often as you like: each time is one pass. It is also an Arrow stream.

        Raises
        ------
        ValueError
            An option that cannot be.
        """
        return _flows.flow_batches(self, variant, compat, names, _given.whole("rows", rows, 1, _MOST_ROWS), options)

    def packets_of(
        self,
        flows: Any,
        variant: str | None = None,
        compat: str | None = None,
        *,
        columns: Iterable[str] | str | None = None,
        **options: Any,
    ) -> Frame:
        """Collect the packets of flows, in two passes: one that finds them, one that reads them.

        Parameters
        ----------
        flows : Frame, DataFrame of pandas or polars, pyarrow.Table, a column or row of these, int or iterable of int
            Flows, or anything with the column ``flow_id``, or flow ids. Of a Frame of packets or hits without that
            column, the flows which these packets are in. Or findings of `detect`: the packets between
            their source and target, both ways, while it went on, in one pass.
        variant, compat, **options
            How the flows were made, as for `flows`. A Frame of flows and a DataFrame made from one know it themselves.
        columns : list of names, groups or patterns, optional
            As for `packets`.

        Returns
        -------
        Frame
            One row per packet, in file order.

        Raises
        ------
        ValueError
            Options that contradict those the flows were made with.
        """
        from . import detectors  # not worth its time at every start

        if detectors.is_findings(flows):
            if variant is not None or compat is not None or options:
                raise TypeError("packets_of: findings take no options of flows")
            return detectors.narrowed(self, flows).packets(columns)
        of_packets = isinstance(flows, Frame) and "flow_id" not in flows.columns and "frame_number" in flows.columns
        ids, known = (None, None) if of_packets else _flows.wanted(flows)
        asked = variant is not None or compat is not None or bool(options)
        if known is None or asked:
            given = _flows.resolved(variant or (known or {}).get("variant", "corrected"), compat, options)
            if known is not None and given != known:
                raise ValueError("packets_of: these flows know their options, and they are not those given")
            known = given
        names = check_columns(columns)
        if ids is None:
            ids = _flows.ids_of_packets(self, known, flows["frame_number"].values)
        native, faults = _flows.stamped(self, known, ids)._run(_core.packets, names, None)
        return Frame(native, self, self._faults + faults, {"packets_of": known})

    def packets(self, columns: Iterable[str] | str | None = None, *, flows: Mapping[str, Any] | None = None) -> Frame:
        """Return all packets, a row each, in file order.

        Parameters
        ----------
        columns : list of names, groups or patterns, optional
            Names of columns (`pcapframe.columns` lists them), of groups (``"ip"``, ``"tcp"``, ``"dns"``) and patterns
            (``"tcp_*"``, ``"*"`` for all), which do not take in columns of octets. By default the common ones. Packets
            are decoded no deeper than the columns need.
        flows : dict, optional
            Which flows the columns ``flow_id`` and ``flow_direction`` mean: arguments of `flows`, by default those of
            ``corrected``. These columns take a pass of their own before.

        Returns
        -------
        Frame

        Raises
        ------
        KeyError
            No such column; the nearest are named.
        """
        names = check_columns(columns)
        native, faults = self._stamped(names, flows)._run(_core.packets, names, None)
        asked = None if flows is None else {"flows": _flows.from_packets(flows)}
        return Frame(native, self, self._faults + faults, asked)

    def batches(self, columns: Iterable[str] | str | None = None, rows: int = 1_000_000) -> Batches:
        """Return all packets as Frames of equally many rows, one after the other: for captures beyond memory.

        Parameters
        ----------
        columns : list of names, groups or patterns, optional
            As for `packets`.
        rows : int
            Rows of each Frame; the last may have fewer.

        Returns
        -------
        Batches
            Iterate over it, as often as you like: each time is one pass, which runs beside your loop, is at most two
            batches ahead, and ends when the loop is left. It is also an Arrow stream.

        Raises
        ------
        KeyError
            No such column; the nearest are named.
        ValueError
            `rows` is less than 1.

        Examples
        --------
        >>> for frame in cap.batches(["ip_src", "frame_len"]): ...  # doctest: +SKIP
        >>> cap.batches().write("packets.parquet")  # doctest: +SKIP
        """
        names = check_columns(columns)
        return Batches(self._stamped(names), names, _given.whole("rows", rows, 1, _MOST_ROWS))

    def hosts(self, *, findings: Frame | None = None, hits: Frame | None = None) -> Frame:
        """Return who is in the capture, a row per host: what it is called, who uses it, what it does.

        Addresses that one hardware address calls its own are one host; every other address is one by itself
        (docs/hosts.md has the rule). Addresses of groups and broadcast are none.

        Parameters
        ----------
        findings, hits : Frame, optional
            Tables with text columns that name hosts (``source`` and ``target``, or ``ip_src`` and ``ip_dst``); the
            columns of these names then say what rows name the host.

        Returns
        -------
        Frame
            Those with most packets first. Lists are text with ``" | "`` between the items, sorted; at most 32,
            then ``+N`` for N more; null where there are none.

            ``address`` (the one with most packets), ``addresses``, ``macs``; ``names`` (from DHCP, NetBIOS, mDNS,
            LLMNR, NTLM, machine accounts of Kerberos), ``users`` and ``domains`` (Kerberos, NTLM, DHCP, NetBIOS);
            ``systems``, as ``agents`` (HTTP) and DHCP let one guess; ``tls_names`` that it asked servers for,
            ``asked_as``, names under which it was asked (TLS, HTTP); ``services``, such as ``tcp/443``, that answered;
            ``roles`` (gateway, domain controller, dhcp server, dns server, server, client); ``first_seen`` and
            ``last_seen`` (int64 ns since the epoch, UTC); ``packets_sent``, ``packets_received``, ``octets_sent``,
            ``octets_received`` and ``peers``, addresses that it exchanged packets with (uint64); ``findings``,
            ``hits``.

        Raises
        ------
        TypeError, ValueError
            `findings` or `hits` is no Frame, or has no column that names hosts.

        Warns
        -----
        CaptureWarning
            There were more hosts, conversations or names than are kept (1,048,576 addresses, 4,194,304 pairs of them):
            memory is bounded, and what came later was left out.

        Examples
        --------
        >>> cap.hosts()[["address", "macs", "names", "users", "systems", "roles"]].to_pandas()  # doctest: +SKIP
        """
        from ._hosts import hosts

        return hosts(self, findings, hits)

    def sql(self, query: str) -> Any:
        """Ask the packets a question in SQL, which DuckDB answers in one pass, beyond memory.

        Parameters
        ----------
        query : str
            A statement of DuckDB's on the tables ``packets``, which has every column of the catalogue (`columns`), and
            ``flows``, which has those of `flows` (``"Source IP"`` in double quotes). Of packets only columns named in
            it are decoded; ``*`` stands for the common ones. ``flow_id`` joins the two.

        Returns
        -------
        pyarrow.Table
            The rows of the answer.

        Raises
        ------
        ImportError
            duckdb or pyarrow is not installed.
        duckdb.Error
            DuckDB does not take the query; it is seen before anything is read.

        Examples
        --------
        >>> cap.sql("select ip_src, count(*) n from packets where tcp_dstport = 22 group by 1")  # doctest: +SKIP
        """
        from ._sql import ask

        return ask(self, query)

    def _stamped(self, names: Iterable[str], flows: Mapping[str, Any] | None = None) -> Capture:
        """Itself, or with packets that know their flow where a column asks for it."""
        if not _flows.asks(names):
            if flows is not None:
                raise ValueError("packets: flows= says what flow_id and flow_direction mean, and neither is asked for")
            return self
        return _flows.stamped(self, _flows.from_packets(flows), None)

    @overload
    def count(self, field: str, /) -> Counts: ...  # alone and without options
    @overload
    def count(
        self,
        *fields: str,
        every: Any = None,
        sum: Names = None,
        min: Names = None,
        max: Names = None,
        mean: Names = None,
        std: Names = None,
        distinct: Names = None,
        gaps: bool = False,
        fill: bool = False,
        top: int | None = None,
        approx: bool = False,
        dropna: bool = True,
    ) -> Frame: ...
    def count(
        self,
        *fields: str,
        every: Any = None,
        sum: Names = None,
        min: Names = None,
        max: Names = None,
        mean: Names = None,
        std: Names = None,
        distinct: Names = None,
        gaps: bool = False,
        fill: bool = False,
        top: int | None = None,
        approx: bool = False,
        dropna: bool = True,
    ) -> Counts | Frame:
        """Count packets by the values of fields, in bins of time, with what their fields add up to.

        Parameters
        ----------
        *fields : str
            Columns to group by (`pcapframe.columns` lists them), of any type but binary. Without one: totals.
        every : text, int, timedelta or numpy.timedelta64, optional
            The length of a bin: ``"500ms"``, ``"1s"``, ``"5min"``, ``"1h"``, ``"1d"``, or a whole number of
            nanoseconds. Bins begin at multiples of it since the epoch (UTC). Packets without a time are in none.
        sum, mean, std : name or list of names, optional
            Fields that are numbers.
        min, max : name or list of names, optional
            Fields that are numbers or times.
        distinct : name or list of names, optional
            Fields, of any type but binary, whose different values in each group are counted.
        gaps : bool
            Add mean, standard deviation, minimum and maximum of the time between successive packets of a group, in
            file order, in nanoseconds; below 0 where times go backwards.
        fill : bool
            Add the bins without packets, as rows with count 0: each group that occurs at all is there in each bin from
            the first to the last. At most 10,000,000 rows.
        top : int, optional
            Keep this many groups with the largest counts (of each bin, with `every`). Where packets are counted and
            nothing else is asked, memory is bounded as well: ``max(8 * top, 65536)`` groups are followed by a
            space-saving sketch, and ``error`` tells by how much a count may be too large. It is 0 while there are no
            more groups than that, and always with `every`, aggregates or `gaps`, which follow all groups.
        approx : bool
            Count `distinct` values by a HyperLogLog sketch (standard error 0.81 %), which takes 16 KiB of memory per
            group and field at most.
        dropna : bool
            Leave out packets that lack one of the fields. Otherwise null is a value like any other.

        Returns
        -------
        Counts
            For one field and nothing else: a mapping from value to number of packets.
        Frame
            For all else: ``time`` (start of the bin), the fields, ``count``, ``error`` (with `top`), and a column per
            aggregate (``sum_frame_len``, ``min_...``, ``max_...``, ``mean_...``, ``std_...``, ``distinct_...``,
            ``gap_mean``, ``gap_std``, ``gap_min``, ``gap_max``); ordered by bin, then count descending, then key
            (numbers by value, IPv4 before IPv6, each by octets, text by its octets, nulls last). One row of totals
            without `fields` and `every`.

            Counts are uint64, sums uint64 (int64 of signed fields), means and standard deviations float64, extremes of
            the field's own type, ``gap_min`` and ``gap_max`` int64. Null: extremes and means of no value, standard
            deviations of fewer than two.

        Raises
        ------
        KeyError
            No such field; the nearest are named.
        ValueError, TypeError
            A field that cannot be counted or put together that way, a bin that is no length of time, `approx` without
            `distinct`, `fill` without `every` or with too many rows.
        OverflowError
            A sum of more than 64 bits; the column is named.

        Notes
        -----
        Sums, and the moments behind means and sample standard deviations, are exact integers, rounded once at the end:
        ``mean`` and ``std`` equal ``statistics.mean`` and ``statistics.stdev`` to the last bit. Nulls are left out of
        them. No answer depends on `threads` or on how the capture is read.

        Examples
        --------
        >>> cap.count("protocol", every="1s", sum="frame_len")          # octets per second by protocol
        >>> cap.count("ip_src", "ip_dst", "tcp_dstport")                # packets by conversation
        >>> cap.count("ip_src", distinct="tcp_dstport")                 # ports that each source sent to
        >>> cap.count("ip_src", "dns_qry_name")                         # DNS names by client
        >>> cap.count("ip_src", "ip_dst", gaps=True)                    # how regular it is
        >>> cap.count(sum="frame_len", min="frame_time", max="frame_time")
        >>> cap.count("ip_src").threshold("mad")
        """
        asked = {"sum": sum, "min": min, "max": max, "mean": mean, "std": std, "distinct": distinct}
        question = check_question(fields, every, asked, gaps=gaps, fill=fill, top=top, approx=approx, dropna=dropna)
        if question.plain:
            counts, _ = self._stamped(question.fields)._run(_core.count_field, question.fields)
            return Counts(counts, question.fields[0])
        return self._grouped(question)

    def _grouped(self, question: Question) -> Frame:
        """Answer a question as a Frame, also one whose answer is a mapping to those who ask `count`."""
        asked = (*question.fields, *(name for _, name in question.aggregates))
        native, faults = self._stamped(asked)._run(_core.group, *question, stacklevel=5)
        return Frame(native, self, self._faults + faults)

    def _together(
        self, questions: Sequence[tuple[str, tuple[Any, ...]]], stacklevel: int = 4
    ) -> tuple[list[Any], tuple[CaptureFault, ...]]:
        """Answers of the core to several questions, by name and arguments, in one pass, and what was wrong."""
        answers, faults = self._run(_core.together, tuple(questions), stacklevel=stacklevel + 1)
        return answers, self._faults + faults

    def match(self, indicators: Indicators, *, flows: Mapping[str, Any] | bool = False) -> Hits:
        """Look for indicators in all packets, in one pass.

        Parameters
        ----------
        indicators : Indicators
            What to look for: `Indicators.read` takes feeds, `Indicators.from_values` what an analysis found. Packets
            are decoded no deeper than their kinds need.
        flows : bool or dict
            Add the column ``flow_id``, which takes a pass of its own before: True, or arguments of `flows` where it is
            not those of ``corrected`` that are meant. `packets_of` takes hits with and without it.

        Returns
        -------
        Hits
            A row for each indicator seen in a packet at a place, in file order; ``hits.summary()`` counts them. One
            packet may hit several indicators: an address, the networks it is in, a name and those it lies below.

        Raises
        ------
        TypeError
            Something else than indicators.
        """
        from ._match import match  # which knows Frame; and not every question needs it

        return match(self, indicators, flows)

    @overload
    def octets(self, frame_number: int) -> bytes: ...
    @overload
    def octets(self, frame_number: Iterable[int]) -> list[bytes]: ...
    def octets(self, frame_number: int | Iterable[int]) -> bytes | list[bytes]:
        """Return the captured octets of packets.

        Parameters
        ----------
        frame_number : int or iterable of int
            Numbers of packets, as in the column ``frame_number``. Several are fetched in one pass.

        Returns
        -------
        bytes, or a list of bytes in the order of the numbers

        Raises
        ------
        IndexError
            There is no such packet in the capture as it is narrowed.
        """
        given = list(frame_number) if isinstance(frame_number, Iterable) else [frame_number]
        numbers = [_given.whole("frame_number", number) for number in given]
        table = self.filter(frame_number=numbers).packets(["frame_number", "frame_raw"])
        found = dict(table.rows("frame_number", "frame_raw"))
        for number in numbers:
            if number not in found:
                raise IndexError(f"there is no packet {number} in {self!r}")
        octets = [found[number] for number in numbers]
        return octets if isinstance(frame_number, Iterable) else octets[0]

    def report(
        self,
        path: _Path,
        *,
        title: str | None = None,
        indicators: Indicators | None = None,
        model: Any = None,
        database: Any = None,
        home: tuple[float, float] | None = None,
    ) -> None:
        """Write what the capture is and what stands out in it as one HTML page.

        One pass makes it, so that a pipe will do. The page needs no network and nothing beside it. Its tables sort and
        filter, its timeline counts what is marked, it prints, and text off the wire is escaped in it. Memory is bounded
        however large the capture is.

        Parameters
        ----------
        path : path
            The file to write, ``.html``; it appears when it is whole.
        title : str, optional
            What stands on top; by default the names of the files.
        indicators : Indicators, optional
            What to look for, as in `match`.
        model : Pipeline or path, optional
            What judges the flows, as in ``models.score``.
        database : path or list of paths, optional
            Of places, as in ``geo.locate``; without one the map shows countries of registration, where ``iptocc`` is
            installed.
        home : (latitude, longitude), optional
            Where private addresses are on the map, in degrees.

        Raises
        ------
        ValueError
            Another suffix.
        OSError
            The file cannot be written.
        """
        from . import report  # which few need

        report.write(self, path, title=title, indicators=indicators, model=model, database=database, home=home)

    def write(self, path: _Path) -> int:
        """Write all packets to a new capture; see `Frame.write`."""
        return self._write(path)

    def _refuse_own(self, path: str) -> None:
        """Raise where writing to `path` would replace what is read."""
        for file in self.files:
            if os.path.exists(path) and os.path.exists(file) and os.path.samefile(path, file):
                raise ValueError(f"{path}: is the capture that is read: write to another name")

    def split(self, template: _Path, names: Mapping[Any, str] | None = None, every: Any = None) -> Frame:
        """Write each packet to the capture that its columns name, in one pass.

        Parameters
        ----------
        template : path
            Such as ``"out/{eth_src}.pcap"``: the names of columns in braces, in the name of the file; its suffix,
            ``.pcap`` or ``.pcapng``, decides the format. In values all but letters, digits, ``.``, ``_`` and ``-`` is
            written ``%XX``, and the colons of addresses ``-``; packets without a value go to the name ``null``.
        names : mapping, optional
            Names of your own for some values, such as ``{"00:16:6c:ab:6b:88": "camera"}``.
        every : str, timedelta, numpy.timedelta64 or int, optional
            A new file for each period (``"1h"``, ``"15min"``; int are nanoseconds), counted from the epoch; its start
            stands for ``{time}``, as ``20170705T094700Z``.

        Returns
        -------
        Frame
            ``path``, ``packets`` and ``octets`` (captured, without headers of records) of each file, in the order in
            which they came up.

        Raises
        ------
        KeyError
            No such column; the nearest are named.
        ValueError
            A template without a column, another suffix, packets that the format cannot hold, more than 65,536 files.
        OSError
            A file could not be written. Files appear under their names only when all are whole.
        """
        text = _given.path("template", template)
        parts = _split.parts(text, every)
        folder = os.path.dirname(text)
        kind = self._written_as(text)
        if folder:
            os.makedirs(folder, exist_ok=True)
        for file in self.files:
            if _split.may_make(text, file):
                raise ValueError(f"{file}: is the capture that is read, and {text} may be it: write to another folder")
        columns = [part[0] for part in parts if isinstance(part, tuple)]
        native, _ = self._stamped(columns)._run(_core.split, kind, parts, _split.pairs(names, parts))
        return Frame(native)

    def _written_as(self, path: str) -> str:
        kind = next((kind for suffix, kind in _WRITTEN.items() if path.lower().endswith(suffix)), None)
        if kind is None:
            raise ValueError(f"{path}: packets can be written to {' or '.join(_WRITTEN)}, by the name's suffix")
        return kind

    def _write(self, path: _Path, numbers: np.ndarray[Any, Any] | None = None) -> int:
        text = _given.path("path", path)
        kind = self._written_as(text)
        self._refuse_own(text)
        _export.refuse_special(text)
        written, _ = self._run(_core.write_capture, kind, text, None, numbers, stacklevel=5)
        return int(written)


def _rules(compat: str | None, dns_rule: str, seq_rule: str) -> tuple[bool, bool, bool]:
    _given.one_of("compat", compat, (None, "scapy"))
    _given.one_of("dns_rule", dns_rule, ("empty", "nxdomain"))
    _given.one_of("seq_rule", seq_rule, ("all", "data"))
    return compat == "scapy", dns_rule == "nxdomain", seq_rule == "data"
