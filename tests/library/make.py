"""A library in a database without any sound files: rows as a scan would leave them."""

import numpy as np

from sideman.library.filetags import columns
from sideman.library.pathtext import to_text
from sideman.library.schema import analyses, details, files, roots
from sideman.library.store import open_store
from sideman.library.tags.read import FileTags
from sideman.mood.names import nearest

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
KEYS = tuple(f"{tonic} {mode}" for tonic in ("C", "D", "D#", "F#", "A") for mode in ("major", "minor"))
MODEL = "0" * 64


def make_store(tmp_path, n=60, seed=0, *, artists=12, database=None):
    """A store with ``n`` tracks; vectors lie in clusters by genre, artists have one or two genres each."""
    rng = np.random.default_rng(seed)
    store = open_store(database or tmp_path / "library.db")
    centres = np.abs(rng.normal(size=(len(GENRES), 256)))
    music = tmp_path / "music"
    rows_f, rows_a, rows_d = [], [], []
    for i in range(n):
        artist = i % artists
        g = (artist + (rng.random() < 0.2)) % len(GENRES)
        vector = np.abs(centres[g] + 0.5 * rng.normal(size=256))
        vector /= np.linalg.norm(vector)
        valence, arousal = rng.uniform(-1, 1, 2)
        rest = rng.dirichlet(np.ones(len(GENRES)))
        p = 0.5 * rest
        p[g] += 0.5
        audio_hash = f"{seed:04x}{i:036x}"
        tags = {
            "title": [f"Song {i}"],
            "artist": [f"Artist {artist}"],
            "album": [f"Album {artist}"],
            "genre": [GENRES[g].title()],
            "date": [str(1960 + i % 60)],
        }
        path = music / f"Artist {artist}" / f"{i:04} Song {i}.mp3"
        rows_f.append(
            dict(
                path=to_text(path),
                size=1000 + i,
                mtime_ns=str(10**18 + i),
                audio_hash=audio_hash,
                container="mp3",
                added_at=1.7e9 + i,
                n_path=str(path).casefold(),
                **columns(FileTags(tags)),
            )
        )
        rows_a.append(
            {
                "audio_hash": audio_hash,
                "state": "done",
                "version": 1,
                "model": MODEL,
                "analysed_at": 1.7e9 + i,
                "duration_s": float(rng.uniform(90, 400)),
                "genre": GENRES[g],
                "genre_probability": float(p[g]),
                "unsure": bool(p[g] < 0.55),
                "not_music": 0.01,
                "probabilities": {name: float(x) for name, x in zip(GENRES, p, strict=True)},
                "valence": float(valence),
                "arousal": float(arousal),
                "mood": nearest(valence, arousal),
                "mood_confidence": 0.6,
                "tempo_bpm": float(rng.uniform(60, 180)),
                "tempo_confidence": 0.8,
                "first_beat_s": 0.2,
                "key": KEYS[int(rng.integers(len(KEYS)))],
                "key_confidence": 0.7,
                "loudness_lufs": float(rng.uniform(-24, -6)),
                "peak_db": -0.5,
            }
        )
        rows_d.append({"audio_hash": audio_hash, "vector": vector.astype("<f4").tobytes()})
    with store.write() as connection:
        connection.execute(roots.insert(), [{"path": to_text(music), "added_at": 1.7e9}])
        connection.execute(files.insert(), rows_f)
        connection.execute(analyses.insert(), rows_a)
        connection.execute(details.insert(), rows_d)
    return store
