"""How safe and how quick tag writes are: kill -9 at random moments, and writes per second.

    python bench/tag_safety.py [--kills 1000] [--seed 0] [--only kills|pace]

A folder with a file of every format that is written (rich in tags: pictures, unknown frames, three tag formats in one
file) is tagged without end by a process that is killed at random; after every kill the journal is recovered, and every
file that changed is compared with the original: the other tags by our own reading and by mutagen's, the encoded and the
decoded sound, and the fields with what the journal says they are. Then recordings of four minutes are tagged
in peace, and the processor time of a write is told: most of it decodes the file and its copy for the comparison.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the files are made as in the tests

import mutagen.id3
from tests.audio.soundfiles import KINDS, tone
from tests.library.tags import crash
from tests.library.tags.made import library
from tests.library.tags.test_write import change_of

from sideman.library.tags import journal
from sideman.library.tags.write import write

LONG = ("mp3", "flac-16", "ogg-vorbis", "m4a-aac", "wav-16")


def kills(folder: Path, count: int, seed: int) -> None:
    made = crash.Folder(folder, seed=seed)
    began = time.perf_counter()
    for number in range(count):
        made.kill_once()
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {count}", end="", file=sys.stderr)
    counts = made.counts
    print(f"formats                   {len(made.paths)}")
    print(f"kills                     {counts['kills']}  ({time.perf_counter() - began:.0f} s)")
    print(f"  in the middle of a write {counts['cut short']}")
    print(f"files damaged             {counts['files damaged']}")
    print(f"tags lost                 {counts['tags lost']}")
    print(f"recovered as written      {counts['recovered as done']}")
    print(f"recovered as untouched    {counts['recovered as failed']}  (copies removed: {counts['copies removed']})")
    print(f"changes that hold         {counts['writes']}")


def pace(folder: Path, repeats: int = 3) -> None:
    print(f"{'four minutes of':<16} {'MB':>6} {'CPU s a write':>13}")
    for kind in LONG:
        suffix, encoder = KINDS[kind]
        path = folder / f"{kind}.{suffix}"
        path.write_bytes(encoder(tone(240), 44100))
        if kind == "mp3":
            tag = mutagen.id3.ID3()
            tag.add(mutagen.id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=bytes(300_000)))
            tag.save(path)
        with library(folder / f"{kind}.db", [path]) as store:
            batch = journal.begin(store, "bench")
            taken = []
            for i in range(repeats):
                change = change_of(path, {"genre": ["Hip-Hop"], "mood": [f"Calm {i}"], "bpm": ["93"], "key": ["Dm"]})
                began = time.process_time()
                assert write(store, batch, change).state == "done"
                taken.append(time.process_time() - began)
        print(f"{kind:<16} {path.stat().st_size / 1e6:>6.1f} {sorted(taken)[len(taken) // 2]:>13.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=["kills", "pace"])
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tag-safety-"))
    try:
        if arguments.only != "pace":
            kills(folder / "kills", arguments.kills, arguments.seed)
        if arguments.only != "kills":
            pace(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
