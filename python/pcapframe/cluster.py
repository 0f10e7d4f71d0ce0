"""The questions of one machine asked of many, through Dask: ``pip install 'pcapframe[dask]'``. docs/scaling.md.

Captures are cut into pieces, each worker opens the files itself and reads its own range, and answers are added in a
tree. They equal those of one machine: what a piece guessed is compared with what was found beside it, and asked again
where it was wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import _partial, _reader
from .errors import CaptureError

if TYPE_CHECKING:
    import os

    from ._counts import Counts, IocCounts
    from ._flows import FlowFrame
    from ._frame import Frame
    from ._indicators import Indicators
    from ._match import Hits
    from ._pieces import Partition
    from ._reader import Capture
    from .detectors import Findings

__all__ = ["count", "detect", "flows", "ioc_counts", "match", "packets", "score"]


SIZE = "256MB"
_ADDED_AT_ONCE = 8  # partials: few enough to be held together, enough to keep the tree low


# --- the client ------------------------------------------------------------------------------------------------------


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError("pcapframe.cluster needs Dask: pip install 'pcapframe[dask]'", name="distributed") from error


def _client(client: Any) -> Any:
    """The client that was given, or the current one, whose workers have this package."""
    distributed = _distributed()
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            raise RuntimeError(
                "pcapframe.cluster: there is no Dask client: make one with dask.distributed.Client('tcp://HOST:8786'), "
                "or dask.distributed.Client() for the cores of this machine, or give client="
            ) from None
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client: a dask.distributed.Client, not {type(client).__name__}")
    if client.asynchronous:
        raise TypeError("client: one with asynchronous=False, since answers are waited for")
    _check_workers(client)
    return client


def _check_workers(client: Any) -> None:
    """Raise where a worker has no pcapframe, or another."""
    here = importlib.import_module(__package__).__version__
    # Of the standard library, so that a worker can be asked which has nothing of ours.
    found = client.run(pkgutil.resolve_name, f"{__package__}:__version__", on_error="return")
    for worker, version in sorted(found.items()):
        if isinstance(version, ImportError):
            raise RuntimeError(
                f"worker {worker}: the package {__package__} is not installed there ({version}): "
                f"pip install {__package__}=={here} where the worker runs"
            )
        if isinstance(version, BaseException):
            raise RuntimeError(f"worker {worker}: cannot use {__package__}: {version}") from version
        if version != here:
            raise RuntimeError(f"worker {worker}: has {__package__} {version}, and here it is {here}: they must be equal")


# --- pieces ----------------------------------------------------------------------------------------------------------


def _capture(captures: Any) -> Capture:
    if isinstance(captures, _reader.Capture):
        return captures
    return _reader.open(captures, progress=False)


def _same(value: Any) -> Any:
    return value


def _handed(client: Any, value: Any) -> Any:
    """A value that many tasks take: workers pass it on to each other, and a lost one is made again."""
    return client.submit(_same, value, pure=False)


def _here() -> str:
    """The worker's address, for messages."""
    try:
        return f" (worker {_distributed().get_worker().address})"
    except ValueError:  # in no task
        return ""


def _asked(piece: Partition, question: str, given: tuple[tuple[Any, ...], dict[str, Any]]) -> _partial.Partial:
    try:
        return _partial.ask(piece, question, *given, threads=1)  # the task's own; others have the other cores
    except CaptureError as error:
        raise CaptureError(f"{error}{_here()}") from None


def _sum(*parts: Any) -> Any:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _tree(client: Any, futures: Sequence[Any]) -> Any:
    """The future of the sum; what is added goes before what is still to be read, so that little is held."""
    while len(futures) > 1:
        groups = [futures[at : at + _ADDED_AT_ONCE] for at in range(0, len(futures), _ADDED_AT_ONCE)]
        futures = [client.submit(_sum, *group, pure=False, priority=10) for group in groups]
    return futures[0]


def _whole(client: Any, pieces: Sequence[Partition], ask: Callable[[Sequence[Partition]], list[Any]]) -> _partial.Partial:
    """The sum of the partials of all pieces, none of which is missing; what was guessed wrong is asked again."""
    whole: _partial.Partial = _tree(client, ask(pieces)).result()
    # Each round has the exact start of one more piece at least, so there are no more rounds than pieces.
    for _ in pieces:
        missing = whole.missing()
        if not missing:
            break
        whole = whole + _tree(client, ask(missing)).result()
    return whole


def _answer(
    captures: Any, client: Any, size: Any, question: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    client = _client(client)
    pieces = _capture(captures).partitions(size)
    given = _handed(client, (arguments, keywords))

    def ask(some: Sequence[Partition]) -> list[Any]:
        return [client.submit(_asked, piece, question, given, pure=False) for piece in some]

    return _whole(client, pieces, ask).finish()


def ioc_counts(captures: Any, client: Any = None, size: Any = SIZE, **arguments: Any) -> IocCounts:
    """Count indicators of compromise, as `Capture.ioc_counts` does.

    Parameters
    ----------
    captures : Capture, path, glob pattern, URL or list of these
        What `pcapframe.open` takes by name. The client looks at the files, too, to cut them.
    client : dask.distributed.Client, optional
        By default the current one.
    size : text or int
        Octets of a piece, such as ``"256MB"``.
    **arguments
        Those of `Capture.ioc_counts`.

    Returns
    -------
    IocCounts

    Raises
    ------
    ImportError
        Dask is not installed.
    RuntimeError
        There is no client, or a worker has no pcapframe or another version of it.
    CaptureError
        A worker does not see a file, or a file changed since it was cut.
    """
    found: IocCounts = _answer(captures, client, size, "ioc_counts", (), arguments)
    return found


def count(captures: Any, *fields: str, client: Any = None, size: Any = SIZE, **arguments: Any) -> Counts | Frame:
    """Count packets by the values of fields, as `Capture.count` does.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    *fields, **arguments
        Those of `Capture.count`, as far as pieces take them.

    Returns
    -------
    Counts or Frame

    Raises
    ------
    CaptureError
        As for `ioc_counts`; a question that pieces cannot be asked.
    """
    found: Counts | Frame = _answer(captures, client, size, "count", fields, arguments)
    return found
