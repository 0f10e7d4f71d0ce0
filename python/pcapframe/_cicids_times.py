"""The times of flow tables, which are written in several ways and mean local time in most."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from . import _given
from ._frame_column import import_pandas

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

WEEK = (date(2017, 7, 3), date(2017, 7, 7))  # of the data set; other days go by their dates

# The captures ran from 8 or 9 in the morning to 5 in the afternoon, so these hours of a 12-hour clock are afternoon.
AFTERNOON = 7

_LOCAL = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)(?::(\d\d))?(?: ([AP])M)?")
_IN_NAME = re.compile("|".join(DAYS), re.IGNORECASE)
_DATE_IN_NAME = re.compile(r"(?<!\d)(\d\d)-(\d\d)-(\d{4})(?!\d)")


def day_of_name(name: str) -> str | None:
    """The day that a file's name tells: a weekday of the data set's week, a date, or None."""
    dated = _DATE_IN_NAME.search(name)
    if dated:
        return f"{dated[3]}-{dated[2]}-{dated[1]}"
    found = _IN_NAME.match(name)
    return found[0].capitalize() if found else None


def place_of_name(name: str) -> tuple[int, int, str]:
    """Where a file stands among those of the week: by its day, the morning before the afternoon, then by its name."""
    day = day_of_name(name)
    return (DAYS.index(day) if day in DAYS else len(DAYS)), ("Afternoon" in name), name


def _zone(name: str) -> Any:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(_given.text("zone", name, "America/Halifax"))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"zone: {name!r} is not known here; its rules come with: pip install tzdata") from error


def _local(match: re.Match[str], zone: Any) -> datetime:
    day, month, year, hour, minute = (int(text) for text in match.groups()[:5])
    if match[7]:
        hour = hour % 12 + (12 if match[7] == "P" else 0)
    elif hour < AFTERNOON:
        hour += 12
    return datetime(year, month, day, hour, minute, int(match[6] or 0), tzinfo=zone).astimezone(UTC)


def parse_times(texts: Any, zone: str, where: str) -> Any:
    """Turn a categorical of times as text into ``datetime64[ns, UTC]``, null where nothing is written.

    ``d/M/yyyy h:mm`` with or without seconds is local time of `zone` on a 12-hour clock, ``yyyy-mm-dd ...`` is UTC.
    """
    pandas = import_pandas("cicids")
    categories = list(texts.categories)
    local, rest = _zone(zone), []
    stamps = np.full(len(categories) + 1, np.datetime64("NaT", "ns"))
    for place, text in enumerate(categories):
        match = _LOCAL.fullmatch(text)
        if match:
            try:
                stamps[place] = np.datetime64(_local(match, local).replace(tzinfo=None), "ns")
            except ValueError:
                raise ValueError(f"{where}: {text!r} is no time") from None
        elif text:
            rest.append(place)
    if rest:
        given = [categories[place] for place in rest]
        parsed = pandas.to_datetime(given, utc=True, errors="coerce", format="ISO8601")
        bad = parsed.isna()
        if bad.any():
            raise ValueError(f"{where}: {given[int(np.argmax(bad))]!r} is no time")
        stamps[rest] = parsed.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return pandas.Series(stamps[texts.codes]).dt.tz_localize("UTC").array  # code -1 is the last: NaT


def local_days(times: Any, zone: str) -> Any:
    """The local day of each time, a categorical: weekdays in the data set's week, else dates."""
    pandas = import_pandas("cicids")
    series = pandas.Series(times)
    local = series.dt.tz_convert(_zone(zone)).dt.tz_localize(None).dt.normalize()
    codes, unique = pandas.factorize(local)
    names = []
    for day in unique:
        on = pandas.Timestamp(day).date()
        names.append(DAYS[on.weekday()] if WEEK[0] <= on <= WEEK[1] else on.isoformat())
    return pandas.Categorical.from_codes(codes, categories=names)
