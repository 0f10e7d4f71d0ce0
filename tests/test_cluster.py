"""Questions asked of a cluster: real scheduler and workers over TCP, and an S3, each a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from processes import PATIENCE, Bucket, Scheduler, Worker, wait_for

distributed = pytest.importorskip("distributed", reason="the cluster is Dask's")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
SIZE = 100_000  # a piece: some twenty of the example


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def bucket(folder: Path) -> Iterator[Bucket]:
    for needed in ("moto", "s3fs"):
        pytest.importorskip(needed, reason="S3 is moto's, read by s3fs")
    with Bucket(folder / "s3") as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir(Bucket.NAME)
        yield found


@pytest.fixture(scope="module")
def scheduler(folder: Path) -> Iterator[Scheduler]:
    with Scheduler(folder / "scheduler") as found:
        yield found


@pytest.fixture(scope="module")
def client(scheduler: Scheduler, bucket: Bucket, folder: Path) -> Iterator[Any]:
    """A client whose two workers run until the module's tests are done."""
    with connected(scheduler, folder, 2, **bucket.environment) as found:
        yield found


class connected:
    """A scheduler's client and its workers, while the block is open."""

    def __init__(self, scheduler: Scheduler, folder: Path, workers: int, **environment: str) -> None:
        self.workers = [Worker(scheduler, folder / f"w{k}", f"w{k}", **environment) for k in range(workers)]
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
