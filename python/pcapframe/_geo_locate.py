"""Where addresses are registered, and where a database of the user's says they are. Nothing leaves the machine."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.resources
import ipaddress
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _given
from ._text import display

if TYPE_CHECKING:
    import pandas as pd

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Databases = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None

# Nobody else's addresses: RFC 1918, shared (RFC 6598), loopback, link-local, unique local (RFC 4193).
_PRIVATE = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                 "::1/128", "fc00::/7", "fe80::/10")
]  # fmt: skip


class Location(NamedTuple):
    """What is known of one address."""

    scope: str
    country: str | None = None
    country_name: str | None = None
    city: str | None = None
    asn: int | None = None
    organisation: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    precision: str | None = None


class Found(NamedTuple):
    """What databases say of one address."""

    country: str | None = None
    city: str | None = None
    asn: int | None = None
    organisation: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@functools.cache
def world() -> dict[str, Any]:
    """Return the outline of the countries, and a place for each."""
    text = (importlib.resources.files(__package__) / "data" / "world.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def locate(addresses: Iterable[str | None], database: Databases = None) -> pd.DataFrame:
    """Return where addresses are, one row each, in their order.

    Parameters
    ----------
    addresses : iterable of str
        IPv4 and IPv6 addresses, such as a text Column's ``.tolist()`` or the keys of Counts.
    database : path or list of paths, optional
        Your own MaxMind or DB-IP file (``.mmdb``), or several, such as one of cities and one of autonomous systems.
        What the first of them that knows an address says is taken.

    Returns
    -------
    pandas.DataFrame
        ``address``; ``scope``: ``public`` (somebody has it), ``private`` (any network may use it: RFC 1918, shared,
        loopback, link-local, unique local), ``reserved`` (documentation, multicast, benchmarks, future use, no address
        of a host) or ``unknown`` (it could be public, but nobody is known to have it, or it is no address);
        ``country`` (ISO 3166 code) and ``country_name``; ``city``, ``asn`` (``UInt32``) and ``organisation``, from a
        database only; ``latitude`` and ``longitude`` in degrees, NaN where unknown; ``precision``: ``database`` for the
        coordinates of a database, ``country`` for a point in the middle of the country. Private and reserved addresses
        have none of these.

    Raises
    ------
    ValueError
        A database is damaged or is none.
    OSError
        A database cannot be opened.
    ImportError
        pandas, or what looks addresses up, is not installed.

    Notes
    -----
    Without a database the country is that of *registration*, from the regional registries' tables as the installed
    release of ``iptocc`` has them: an address can be used anywhere else, and anycast addresses are everywhere. Update
    with ``pip install --upgrade iptocc``.
    """
    from ._frame_column import import_pandas

    pandas = import_pandas("geo.locate")
    given = _given.items("addresses", addresses, "addresses")
    found = located(given, database)
    rows = [found[address] for address in given]
    table: dict[str, Any] = {"address": pandas.Series(given, dtype=object)}
    for place, name in enumerate(Location._fields):
        dtype = {"asn": "UInt32", "latitude": "float64", "longitude": "float64"}.get(name, object)
        table[name] = pandas.Series([row[place] for row in rows], dtype=dtype)
    frame: pd.DataFrame = pandas.DataFrame(table)
    return frame


def paths_of(database: Databases) -> list[str]:
    """The paths of databases, checked."""
    if database is None:
        return []
    several = [database] if isinstance(database, str | os.PathLike) else _given.items("database", database, "paths")
    return [_given.path("database", path) for path in several]


def located(addresses: Iterable[str | None], database: Databases = None) -> dict[str | None, Location]:
    """Return the location of each distinct address."""
    paths = paths_of(database)
    scopes: dict[str | None, Location] = {}
    public: dict[str, _Address] = {}
    for address in dict.fromkeys(addresses):
        parsed = _parsed(address)
        scope = _scope(parsed)
        scopes[address] = Location(scope)
        if scope == "public" and isinstance(address, str) and parsed is not None:
            public[address] = parsed
    said = _from_databases(public, paths)
    registered = _registered([str(parsed) for parsed in public.values()], needed=not paths)
    for (address, _), country in zip(public.items(), registered, strict=True):
        scopes[address] = _joined(said.get(address, Found()), country)
    return scopes


def _parsed(address: object) -> _Address | None:
    try:
        parsed = ipaddress.ip_address(str(address).partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _scope(address: _Address | None) -> str:
    if address is None:
        return "unknown"
    if any(address.version == network.version and address in network for network in _PRIVATE):
        return "private"
    return "public" if address.is_global and not address.is_multicast and not address.is_reserved else "reserved"


def _joined(said: Found, registered: str | None) -> Location:
    country = said.country or registered
    if country is None and said == Found():
        return Location("unknown")
    name, latitude, longitude = world()["places"].get(country, (None, None, None))
    precision = "country" if latitude is not None else None
    if said.latitude is not None:
        latitude, longitude, precision = said.latitude, said.longitude, "database"
    return Location("public", country, name, said.city, said.asn, said.organisation, latitude, longitude, precision)


def _registered(addresses: list[str], needed: bool) -> list[str | None]:
    """Ask iptocc; where a database is asked as well, it may be missing."""
    try:
        iptocc = importlib.import_module("iptocc")
    except ImportError as error:
        if needed:
            raise ImportError("geo needs iptocc, or your own database=: pip install 'pcapframe[geo]'") from error
        return [None] * len(addresses)
    codes: list[str | None] = iptocc.country_code(addresses) if addresses else []
    return [code if isinstance(code, str) and len(code) == 2 else None for code in codes]


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a database; whatever is wrong with it, now or at a look-up, is one line that names it."""
    try:
        maxminddb = importlib.import_module("maxminddb")
    except ImportError as error:
        raise ImportError("geo needs maxminddb for database=: pip install 'pcapframe[geo]'") from error
    try:
        with maxminddb.open_database(os.fspath(path)) as reader:
            yield reader
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    # The reader trusts sizes and text in the file: what it says of damage is of many kinds.
    except (maxminddb.InvalidDatabaseError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError,
            RecursionError, SystemError) as error:  # fmt: skip
        raise ValueError(f"{display(str(path))}: no usable MaxMind or DB-IP database: {display(str(error))}") from None


def _from_databases(addresses: dict[str, _Address], paths: Sequence[str | os.PathLike[str]]) -> dict[str, Found]:
    said: dict[str, Found] = {}
    for path in paths:
        with _opened(path) as reader:
            only_ipv4 = reader.metadata().ip_version == 4
            for address, parsed in addresses.items():
                record = None if only_ipv4 and parsed.version == 6 else reader.get(str(parsed))
                if record is not None:
                    said[address] = _first(said.get(address, Found()), _read(record))
    return said


def _first(one: Found, other: Found) -> Found:
    """Fill what `one` does not know from `other`; coordinates as a pair."""
    values: list[Any] = [a if a is not None else b for a, b in zip(one, other, strict=True)]
    pair = one if one.latitude is not None else other
    return Found(*values)._replace(latitude=pair.latitude, longitude=pair.longitude)


def _dig(record: object, *names: str) -> Any:
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _degrees(value: object, most: float) -> float | None:
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value) if abs(value) <= most else None


def _read(record: object) -> Found:
    """Take what we know of out of a record, whatever else it is."""
    country = _text(_dig(record, "country", "iso_code")) or _text(_dig(record, "registered_country", "iso_code"))
    number = _dig(record, "autonomous_system_number")
    latitude = _degrees(_dig(record, "location", "latitude"), 90)
    longitude = _degrees(_dig(record, "location", "longitude"), 180)
    whole = latitude is not None and longitude is not None
    return Found(
        country,
        _text(_dig(record, "city", "names", "en")),
        number if isinstance(number, int) and 0 < number < 2**32 else None,
        _text(_dig(record, "autonomous_system_organization")),
        latitude if whole else None,
        longitude if whole else None,
    )
