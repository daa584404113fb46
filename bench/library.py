"""Every command of the library, on a library of two thousand files, timed; and what must survive them, counted.

    python bench/library.py [--files 2000] [--work FOLDER] [--json]

Makes files of 2 to 6 s in wav, flac, ogg, opus, mp3, aiff and (with the extra m4a) m4a, tagged in many ways (ID3v2.3
with pictures, several genres, no tags at all), one in fifty damaged, some twice, some with names that are no Unicode;
with SIDEMAN_DATA the clips of GTZAN as well, tagged with their artists. Then scan, tag, scan again, undo, and the rest,
each in a process of its own. Counted: recordings heard a second time, audio hashes that changed, tags that `tag` lost,
files that `undo` did not restore.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from mutagen.id3 import APIC, ID3, TCON, TIT2, TPE1, TXXX

RATE_HZ = 22_050
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".m4a")
GENRES = ("Jazz", "Techno", "Sertanejo", "Raga", "Rock")


def piece(seed: int, duration_s: float) -> np.ndarray:
    """A loop over a beat with timbre by genre, so that there is something to find."""
    rng = np.random.default_rng(seed)
    kind = seed % len(GENRES)
    beat_s = 60 / (70 + 22 * kind + rng.uniform(-4, 4))
    t = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    y = 0.002 * rng.normal(size=len(t))
    for i, at in enumerate(np.arange(0, duration_s, beat_s / (1 + kind % 2))):
        after = np.clip(t - at, 0, None)
        on = t >= at
        pitch = 110 * 2 ** (rng.choice([0, 3, 5, 7, 10]) / 12) * (1 + kind // 2)
        tone = sum(np.sin(2 * np.pi * pitch * k * after) / k ** (0.5 + kind / 3) for k in range(1, 5))
        y += on * 0.12 * tone * np.exp(-(3 + 2 * kind) * after)
        if kind in (1, 4) or i % 2 == 0:
            y += on * 0.1 * rng.normal(size=len(t)) * np.exp(-40 * after)
    return (y / max(1.0, float(np.abs(y).max()))).astype(np.float32)


def write(path: Path, samples: np.ndarray) -> None:
    if path.suffix == ".m4a":
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=RATE_HZ)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate = RATE_HZ
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
    elif path.suffix == ".opus":
        soundfile.write(path, samples, 24_000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, RATE_HZ)


def put_tags(path: Path, i: int, artist: str, genres: list[str]) -> None:
    if i % 7 == 6:
        return
    if path.suffix == ".mp3":
        tags = ID3()
        tags.add(TIT2(3, [f"Canção {i}"]))
        tags.add(TPE1(3, [artist]))
        tags.add(APIC(3, "image/png", 3, "cover", bytes(random.Random(i).randbytes(3000))))
        tags.add(TXXX(3, "mine", [f"value {i}"]))
        if i % 3:
            tags.add(TCON(3, genres))
        tags.save(path, v2_version=3 if i % 2 else 4)
        return
    song: Any = mutagen.File(path, easy=path.suffix == ".m4a")
    if song.tags is None:
        song.add_tags()
    if path.suffix in (".wav", ".aiff"):
        song.tags.add(TIT2(3, [f"Song {i}"]))
        song.tags.add(TPE1(3, [artist]))
    else:
        song["title"], song["artist"] = f"Song {i}", artist
        if i % 3:
            song["genre"] = genres
    song.save()


def build(music: Path, n: int) -> None:
    have_m4a = True
    try:
        import av  # noqa: F401
    except ImportError:
        have_m4a = False
    suffixes = SUFFIXES if have_m4a else SUFFIXES[:-1]
    rng = random.Random(0)
    for i in range(n):
        artist = f"Artist {i % 150}"
        folder = music / artist
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{i:05} ärtist’s song{suffixes[i % len(suffixes)]}"
        if i % 50 == 49:
            path.write_bytes([b"", b"no music\n" * 30, rng.randbytes(5000)][i // 50 % 3])
            continue
        write(path, piece(i, rng.uniform(2, 6)))
        put_tags(path, i, artist, [GENRES[i % len(GENRES)], "Seen Live"])
        if i % 40 == 3:
            shutil.copy2(path, folder / f"copy of {path.name}")
        if i % 97 == 5 and os.name == "posix":
            path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff%d" % i + os.fsencode(path.suffix)))
    data = os.environ.get("SIDEMAN_DATA")
    if data:
        with Path(data, "manifest.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                target = music / "gtzan" / Path(row["file"]).name
                target.parent.mkdir(exist_ok=True)
                shutil.copy(Path(data, row["file"]), target)
                song: Any = mutagen.File(target)
                song["artist"] = row["artist"] or "unknown"
                song["title"] = row["track"]
                song.save()


class Bench:
    """Runs commands against one library and keeps how long each took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "SIDEMAN_DATABASE": str(folder / "library.db")}
        self.rows: list[dict[str, Any]] = []

    def run(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "sideman", *arguments],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        taken = time.perf_counter() - began
        if done.returncode not in ok:
            raise SystemExit(f"sideman {' '.join(arguments)}: {done.returncode}\n{done.stderr.decode()[-2000:]}")
        self.rows.append({"command": " ".join(arguments)[:70], "seconds": round(taken, 2)})
        print(f"{taken:8.2f} s  sideman {' '.join(arguments)[:90]}", flush=True)
        return done.stdout.decode("utf-8", "surrogateescape")


def all_tags(music: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Audio hash and every tag, as text, of every readable file."""
    from sideman.core.errors import SidemanError
    from sideman.library.payload import audio_hash

    told = {}
    for path in sorted(p for p in music.rglob("*") if p.is_file()):
        try:
            song: Any = mutagen.File(path)
            digest = audio_hash(path)[0]
        except (SidemanError, mutagen.MutagenError):
            continue
        if song is not None:
            told[str(path)] = (digest, {key: repr(song.tags[key]) for key in (song.tags.keys() if song.tags else ())})
    return told


def lost(before: dict[str, Any], after: dict[str, Any]) -> tuple[int, int]:
    """Audio payloads that changed; tags that are gone or differ, but for the four that `tag` writes."""
    audio = sum(before[p][0] != after.get(p, ("",))[0] for p in before)
    written = (
        "tcon",
        "tmoo",
        "tbpm",
        "tkey",
        "txxx:mood",
        "genre",
        "mood",
        "bpm",
        "initialkey",
        "key",
        "\xa9gen",
        "tmpo",
    )
    written += ("----:",)
    tags = 0
    for path, (_, old) in before.items():
        new = after.get(path, ("", {}))[1]
        tags += sum(
            new.get(key) != value
            for key, value in old.items()
            if not key.lower().startswith(tuple(map(str.lower, written)))
        )
    return audio, tags


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.work or Path(name)
        music = folder / "music"
        build(music, args.files)
        bench = Bench(folder)
        first = json.loads(bench.run("scan", str(music), "--json", ok=(0, 3)))
        before = all_tags(music)
        written = bench.run("tag", "--yes", "--json", "--min-confidence", "0.3", ok=(0, 3)).count("\n")
        after = all_tags(music)
        second = json.loads(bench.run("scan", "--json", ok=(0, 3)))
        audio, tags = lost(before, after)
        bench.run("undo", "--json", ok=(0, 3))
        restored = all_tags(music)
        differ = sum(before[p] != restored.get(p) for p in before)
        third = json.loads(bench.run("scan", "--json", ok=(0, 3)))
        bench.run("ls", "--json")
        bench.run("ls", "genre:jazz mood:calm bpm:60..140 , artist:~'artst 7'", "--csv")
        some = json.loads(bench.run("ls", "failed:false length:3.. id+", "--json").splitlines()[0])["id"]
        other = json.loads(bench.run("ls", "failed:false length:3.. id-", "--json").splitlines()[0])["id"]
        bench.run("similar", str(some), "-n", "20")
        bench.run("path", str(some), str(other), "-n", "10")
        for suffix in ("m3u8", "jspf", "xml"):
            bench.run("playlist", "--mood", "calm->energetic", "--minutes", "10", "--out", f"list.{suffix}")
        bench.run("playlist", "--seed", str(some), "--minutes", "5", "--out", "seed.m3u8")
        bench.run("playlist", "artist:Artist year:..2000", "--out", "smart.nsp")
        bench.run("recommend", "--mood", "sad", "--lift", "--minutes", "5")
        bench.run("feedback", "like", str(some))
        bench.run("learn", "--from-tags", "--field", "genre", "--json")
        bench.run("insights", "--out", "report.html", "-q")
        figures = {
            "files": first["found"],
            "heard": first["analysed"],
            "unreadable_or_failed": len(first["problems"]),
            "files_tagged": written,
            "heard_again_after_tag": second["analysed"],
            "heard_again_after_undo": third["analysed"],
            "audio_changed": audio,
            "tags_lost": tags,
            "files_that_undo_did_not_restore": differ,
        }
    print(json.dumps({"figures": figures, "commands": bench.rows}) if args.json else json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
