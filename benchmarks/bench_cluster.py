"""Two Dask workers against one, each with one thread, for the flows of a large capture.

python benchmarks/bench_cluster.py [--size 5GB] [--runs 3] [--file PATH]
"""

import argparse
import os
import statistics
import time

from _run import capture
from distributed import Client, LocalCluster

import pcapframe as pf


def timed(path: str, workers: int) -> tuple[float, int]:
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        client.wait_for_workers(workers)
        begin = time.perf_counter()
        rows = len(pf.cluster.flows(path, client=client))
        return time.perf_counter() - begin, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="5GB")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--file")
    given = parser.parse_args()
    path = given.file or str(capture(given.size, 0.2))
    with open(path, "rb") as file:  # so that the first run reads from the cache as the others do
        while file.read(1 << 24):
            pass
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for run in range(given.runs):
        for workers in seconds:
            took, rows = timed(path, workers)
            seconds[workers].append(took)
            print(
                f"run {run + 1}: {workers} worker(s) {took:.1f} s, {rows:,} flows, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    ratio = statistics.median(seconds[1]) / statistics.median(seconds[2])
    print(f"two workers are {ratio:.2f} times one (medians); best {min(seconds[1]) / min(seconds[2]):.2f}")


if __name__ == "__main__":
    main()
