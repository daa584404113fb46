"""Tracks as files for other programs: CSV, JSON Lines, Parquet, JAMS."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from sqlalchemy import select

from sideman.core.atomic import atomic_write
from sideman.core.errors import MissingExtraError, OutputError, UsageError
from sideman.library.schema import details
from sideman.library.store import Store
from sideman.library.track import Track

SUFFIXES = (".csv", ".jsonl", ".parquet", ".jams")
CSV_COLUMNS = (
    "id", "path", "artist", "title", "album", "albumartist", "year", "tag_genres", "genre", "genre_probability",
    "unsure", "mood", "valence", "arousal", "tempo_bpm", "tempo_confidence", "key", "key_confidence", "duration_s",
    "loudness_lufs", "peak_db", "replaygain_db", "tag_mood", "tag_bpm", "tag_key", "container", "audio_hash", "error",
)  # fmt: skip


def csv_row(track: Track) -> list[Any]:
    """The track's values in the order of `CSV_COLUMNS`; what is unknown is empty."""
    plain = track.to_dict()
    plain["tag_genres"] = "; ".join(track.tag_genres)
    return ["" if plain[name] is None else plain[name] for name in CSV_COLUMNS]


def export(store: Store, found: Sequence[Track], out: Path, *, overwrite: bool = False) -> Path:
    """Write tracks into a file whose suffix tells the format; returns its path.

    Args:
        store: the library; timeline and beats for JAMS come from it.
        found: tracks with ``tags`` and ``probabilities``.
        out: .csv, .jsonl, .parquet, .jams (one track), or a folder that takes a .jams file for each.
        overwrite: replace what is there.

    Raises:
        UsageError: another suffix, or several tracks for one .jams file.
        OutputError: the file is there already, or cannot be written.
        MissingExtraError: Parquet without pyarrow.
    """
    if out.is_dir() or os.fspath(out).endswith(os.sep):
        return _jams_folder(store, found, out, overwrite=overwrite)
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{out}: its name must end in {', '.join(SUFFIXES)}, or be a folder for .jams files")
    if suffix == ".jams" and len(found) != 1:
        raise UsageError(f"{out}: a .jams file is about one track, not {len(found)}; name a folder for several")
    _check_free(out, overwrite)
    if suffix == ".parquet":
        _parquet(found, out)
    elif suffix == ".jams":
        _jams(store, found[0], out)
    elif suffix == ".jsonl":
        with atomic_write(out, "w") as file:
            file.writelines(track.to_json() + "\n" for track in found)
    else:
        with atomic_write(out, "w", errors="surrogateescape") as file:
            sheet = csv.writer(file)
            sheet.writerow(CSV_COLUMNS)
            sheet.writerows(csv_row(track) for track in found)
    return out


def _check_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: is there already; --overwrite replaces it")


def _parquet(found: Sequence[Track], out: Path) -> None:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet") from error
    kinds: dict[str, Any] = {
        "id": arrow.int64(), "year": arrow.int32(), "unsure": arrow.bool_(), "probabilities": arrow.map_(
            arrow.string(), arrow.float32()
        ), "tag_genres": arrow.list_(arrow.string()),
    }  # fmt: skip
    floats = {
        "genre_probability", "valence", "arousal", "tempo_bpm", "tempo_confidence", "key_confidence", "duration_s",
        "loudness_lufs", "peak_db", "replaygain_db", "tag_bpm",
    }  # fmt: skip
    columns: dict[str, list[Any]] = {name: [] for name in (*CSV_COLUMNS, "probabilities")}
    for track in found:
        plain = track.to_dict()
        plain["path"] = track.path.encode("utf-8", "backslashreplace").decode()
        plain["probabilities"] = list(track.probabilities.items())
        for name, values in columns.items():
            values.append(plain[name])
    table = arrow.table(
        {
            name: arrow.array(values, kinds.get(name, arrow.float64() if name in floats else arrow.string()))
            for name, values in columns.items()
        }
    )
    with atomic_write(out) as file:
        parquet.write_table(table, file)


def _jams_folder(store: Store, found: Sequence[Track], out: Path, *, overwrite: bool) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror}); name another folder") from error
    targets = [out / f"{track.id:06} {PurePath(track.path).stem[:80]}.jams" for track in found]
    for target in targets:
        _check_free(target, overwrite)
    for track, target in zip(found, targets, strict=True):
        _jams(store, track, target)
    return out


def _jams(store: Store, track: Track, out: Path) -> None:
    with atomic_write(out, "w") as file:
        json.dump(jams(store, track), file, ensure_ascii=True, indent=1)


def jams(store: Store, track: Track) -> dict[str, Any]:
    """A track as JAMS 0.3 (Humphrey et al. 2014, "JAMS: a JSON annotated music specification").

    Genre over time is ``segment_open``, tags ``tag_open``, then ``tempo``, ``key_mode``, ``beat`` and mood as
    ``mood_thayer`` (valence, arousal).
    """
    from sideman.genre.predict import DEFAULT_MODEL, Calibration
    from sideman.inference.sessions import open_session
    from sideman.library.analyse import unpack_timeline

    duration = track.duration_s or 0.0
    with store.read() as connection:
        row = connection.execute(select(details).where(details.c.audio_hash == (track.audio_hash or ""))).first()
    annotations = []

    def annotate(namespace: str, data: list[tuple[float, float, Any, float | None]]) -> None:
        annotations.append(
            {
                "namespace": namespace,
                "data": [
                    {"time": round(t, 4), "duration": round(d, 4), "value": v, "confidence": c} for t, d, v, c in data
                ],
                "annotation_metadata": {
                    "annotation_tools": "Sideman",
                    "data_source": "program",
                    "curator": {"name": "", "email": ""},
                },
                "sandbox": {},
                "time": 0,
                "duration": duration,
            }
        )

    if track.genre is not None:
        annotate("tag_open", [(0.0, duration, name, round(p, 4)) for name, p in track.probabilities.items()])
    if row is not None and row.timeline:
        genres = Calibration.of(open_session(DEFAULT_MODEL)).genres
        starts, ends, shares = unpack_timeline(row.timeline)
        annotate(
            "segment_open",
            [
                (float(a), float(b - a), genres[int(p.argmax())], round(float(p.max()), 3))
                for a, b, p in zip(starts, ends, shares, strict=True)
            ],
        )
    if track.valence is not None and track.arousal is not None:
        point = [round(track.valence, 4), round(track.arousal, 4)]
        annotate("mood_thayer", [(0.0, duration, point, track.mood_confidence)])
    if track.tempo_bpm is not None:
        annotate("tempo", [(0.0, duration, round(track.tempo_bpm, 3), track.tempo_confidence)])
        if row is not None and row.beats:
            beats = np.frombuffer(row.beats, "<f4").astype(float)
            annotate("beat", [(float(beat), 0.0, None, None) for beat in beats])
    if track.key is not None:
        annotate("key_mode", [(0.0, duration, _jams_key(track.key), track.key_confidence)])
    return {
        "annotations": annotations,
        "file_metadata": {
            "title": track.title or "",
            "artist": track.artist or "",
            "release": track.album or "",
            "duration": duration,
            "identifiers": {"sideman": track.audio_hash or ""},
            "jams_version": "0.3.4",
        },
        "sandbox": {"path": track.path.encode("utf-8", "backslashreplace").decode()},
    }


def _jams_key(key: str) -> str:
    tonic, mode = key.split()
    return f"{tonic}:{mode}"
