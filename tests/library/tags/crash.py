"""Kill a process that writes tags, again and again at random moments, and look what is left.

The writer is forked from a process that has imported everything, so that a kill costs milliseconds.
"""

import hashlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from sideman.library.schema import files
from sideman.library.store import open_store
from sideman.library.tags import checks, journal
from sideman.library.tags.formats import FIELDS
from sideman.library.tags.write import write
from tests.library.tags.made import KINDS, library, make

WORDS = ("Jazz", "Hip-Hop", "Électro 日本", "x" * 3000, "R&B")


class Folder:
    """Files of every format, a library that knows them, and what must never change in them."""

    def __init__(self, folder, kinds=tuple(KINDS), seed=0):
        (folder / "music").mkdir(parents=True)
        self.paths = [make(kind, folder / "music") for kind in kinds]
        self.database = folder / "library.db"
        library(self.database, self.paths).close()
        self.kept = folder / "kept"
        self.kept.mkdir()
        self.before = {}
        for path in self.paths:
            (self.kept / path.name).write_bytes(path.read_bytes())
            self.before[path] = snapshot(path)
        self.checked = {path: digest(path) for path in self.paths}
        self.random = random.Random(seed)
        self.counts = Counter()

    def kill_once(self, longest_s=0.12):
        """Let a writer run for a random time, kill it, recover, check everything."""
        reader, writer = os.pipe()
        seed = self.random.random()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._write_for_ever(seed, writer)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        time.sleep(self.random.uniform(0, longest_s))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.counts["kills"] += 1
        self._check()

    def _write_for_ever(self, seed, writer):
        try:
            chance = random.Random(seed)
            store = open_store(self.database)
            batch = journal.begin(store, "tag")
            os.write(writer, b".")
            while True:
                path = chance.choice(self.paths)
                old = snapshot(path).values
                new = {name: random_values(chance, name) for name in FIELDS if chance.random() < 0.6}
                if new and any(old[name] != values for name, values in new.items()):
                    change = journal.Change(
                        str(path), self.before[path].audio_hash, {name: old[name] for name in new}, new
                    )
                    outcome = write(store, batch, change)
                    assert outcome.state == "done", outcome
        except BaseException as error:  # noqa: BLE001 - a forked child must not go on as a test
            print(f"the writer failed: {error!r}", flush=True)
            os._exit(1)

    def _check(self):
        with open_store(self.database) as store:
            cut = len(journal.entries(store, state="planned"))
            stray = [p for p in (self.kept.parent / "music").iterdir() if p.name.startswith(".")]
            for item in journal.recover(store):
                self.counts[f"recovered as {item.state}"] += 1
            self.counts["cut short"] += cut
            self.counts["copies removed"] += len(stray)
            assert journal.entries(store, state="planned") == []
            rows = journal.entries(store, state="done")
            with store.read() as connection:
                known = {row.path: row for row in connection.execute(files.select())}
        there = set((self.kept.parent / "music").iterdir())
        assert there == set(self.paths), there ^ set(self.paths)
        self.counts["writes"] = len(rows)
        told = {path: dict(self.before[path].values) for path in self.paths}
        for row in rows:
            told[Path(row.path)].update(row.new)
        for path in self.paths:
            self._check_file(path, told[path], known[str(path)])

    def _check_file(self, path, values, row):
        status = path.stat()
        assert (row.size, row.mtime_ns) == (status.st_size, str(status.st_mtime_ns))
        now = digest(path)
        if now == self.checked[path]:
            return
        before, after = self.before[path], snapshot(path)
        assert after.values == values, (path, after.values, values)  # the journal tells the truth
        damaged = after.audio_hash != before.audio_hash or not checks.same_sound(self.kept / path.name, path)
        lost = after.others != before.others or not checks._kept(before.seen, after.seen)
        self.counts["files damaged"] += damaged
        self.counts["tags lost"] += lost
        self.checked[path] = now


def random_values(chance, name):
    """Values of a field; none at times, so that it is taken out."""
    if name == "bpm":
        return chance.choice([[], ["93"], ["128"], ["174"]])
    if name == "genre":
        return chance.sample(WORDS, chance.randrange(4))
    return [chance.choice(WORDS)] if chance.random() < 0.8 else []


def snapshot(path):
    with path.open("rb") as file:
        return checks.snapshot(file)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
