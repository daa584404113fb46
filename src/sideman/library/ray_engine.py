"""Hears recordings over a Ray cluster: the same function as the local engine, over shards, results in Parquet.

Shards that a stopped run left behind are taken first, by the hash of the audio, so nothing is heard twice. Every node
needs the same Python, Sideman with the extra ``ray``, the music under the same paths, and the work folder.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sideman.core.errors import LibraryError, MissingExtraError, SidemanError
from sideman.library.analyse import VERSION, Analysis
from sideman.library.scan import Heard, Job
from sideman.library.store import Store

_ROWS_PER_SHARD = 16
_NAMES = tuple(field.name for field in fields(Analysis))


class RayEngine:
    """An engine (see :data:`sideman.library.scan.Engine`) over Ray Data.

    Raises (when called):
        LibraryError: the cluster cannot be reached, or the work folder cannot be written.
    """

    def __init__(self, store: Store, address: str | None = None, work: Path | None = None) -> None:
        """Prepare.

        Args:
            store: the library, for the name of the work folder.
            address: of a running cluster; None starts one on this machine for the while.
            work: folder for shards, reachable from all nodes; by default in the user's cache folder.

        Raises:
            MissingExtraError: Ray or pyarrow is not installed.
        """
        try:
            import pyarrow
            import ray
        except ImportError as error:
            raise MissingExtraError("--engine ray", "ray") from error
        self._ray, self._arrow = ray, pyarrow
        self._address = address
        if work is None:
            from sideman.core.paths import user_cache_folder

            work = user_cache_folder() / f"ray-{blake2b(store.url.encode(), digest_size=6).hexdigest()}"
        self._work = work

    def __call__(self, jobs: Iterable[Job], workers: int) -> Iterator[Heard]:
        """Hear all jobs; outcomes of an earlier run first."""
        wanted = {job[0]: job for job in jobs}
        try:
            self._work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"{error.filename}: cannot be made ({error.strerror}); name another folder") from error
        yield from self._merge(wanted)
        if wanted:
            self._run(list(wanted.values()), workers)
            yield from self._merge(wanted)
        shutil.rmtree(self._work, ignore_errors=True)

    def _run(self, jobs: list[Job], workers: int) -> None:
        data = self._start(workers)
        try:
            blocks = max(1, -(-len(jobs) // _ROWS_PER_SHARD))
            items = [dict(zip(("audio_hash", "path", "size", "mtime_ns"), job, strict=True)) for job in jobs]
            rows = data.from_items(items, override_num_blocks=blocks).map(hear_row)
            rows.write_parquet(str(self._work / "shards"), mode=data.SaveMode.APPEND)
        except self._ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())[:200]
            raise LibraryError(f"the Ray job failed ({reason}); what was heard is kept, run it again") from error
        finally:
            self._ray.shutdown()

    def _start(self, workers: int) -> Any:
        import logging

        if self._address is not None:
            _reachable(self._address)
        settings: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self._address is None:
            settings |= {"num_cpus": workers, "include_dashboard": False}
        try:
            self._ray.init(address=self._address, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise LibraryError(f"{self._address or 'this machine'}: no Ray cluster can be used ({reason})") from error
        from ray import data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return data

    def _merge(self, wanted: dict[str, Job]) -> Iterator[Heard]:
        """Outcomes in the shards of those that are wanted, which they are then no more; damaged shards are left out."""
        import pyarrow.parquet as parquet

        for shard in sorted((self._work / "shards").glob("*.parquet")):
            try:
                rows = parquet.read_table(shard).to_pylist()
            except (self._arrow.ArrowException, OSError):
                continue  # cut off by a kill: its recordings are heard again
            for row in rows:
                if row["version"] == VERSION and wanted.pop(row["audio_hash"], None) is not None:
                    yield _outcome(row)


def _reachable(address: str) -> None:
    """Ray itself tries an address that does not answer for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # "auto", a name that Ray knows
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise LibraryError(f"{address}: no Ray cluster can be used ({error}); `ray start --head` makes one") from error


def hear_row(row: dict[str, Any]) -> dict[str, Any]:
    """Analyse one recording on some node; an error becomes part of the row."""
    from sideman.core.tuning import default_to_one_thread, tune_allocator
    from sideman.library.local_engine import hear_job

    default_to_one_thread()
    tune_allocator()
    values: dict[str, Any] = dict.fromkeys(_NAMES)
    error = None
    try:
        analysis = hear_job((row["audio_hash"], row["path"], row["size"], row["mtime_ns"]))
        if analysis is not None:
            values = asdict(analysis)
    except SidemanError as caught:
        error = str(caught)
    except Exception as caught:  # noqa: BLE001 - one recording's failure must not end the job
        error = f"{row['path']}: unexpected {type(caught).__name__}: {caught}; please report this"
    values["probabilities"] = json.dumps(values["probabilities"])
    return {"audio_hash": row["audio_hash"], "path": row["path"], "version": VERSION, "error": error, **values}


def _outcome(row: dict[str, Any]) -> Heard:
    if row["error"] is not None or row["genre"] is None:
        return Heard(row["audio_hash"], row["path"], error=row["error"])
    values = {name: row[name] for name in _NAMES}
    values["probabilities"] = json.loads(values["probabilities"])
    return Heard(row["audio_hash"], row["path"], analysis=Analysis(**values))
