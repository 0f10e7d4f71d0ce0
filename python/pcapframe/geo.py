"""Places of addresses, a map of traffic, and KML for Google Earth and My Maps. Nothing leaves the machine.

The country of registration comes from ``iptocc``, cities and autonomous systems from your own MaxMind or DB-IP file by
``maxminddb`` (``pip install 'pcapframe[geo]'``). The outline of the world and a point for each country, from Natural
Earth (public domain), are part of this package.
"""

from ._geo_kml import kml
from ._geo_locate import locate
from ._geo_map import map

__all__ = ["kml", "locate", "map"]
