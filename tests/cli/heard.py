"""A classification of known content, for tests of how results are printed."""

from typing import Any

from sideman.genre.predict import Classification, Segment

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def shares(**some: float) -> dict[str, float]:
    """Probabilities of the ten genres: these, and the rest spread evenly."""
    rest = (1 - sum(some.values())) / (len(GENRES) - len(some))
    told = {genre: some.get(genre, rest) for genre in GENRES}
    return dict(sorted(told.items(), key=lambda pair: -pair[1]))


def heard(path: str = "song.mp3", **changes: Any) -> Classification:
    """A recording that is metal by 70 %, and rock by 20 %."""
    told: dict[str, Any] = {
        "path": path,
        "duration_s": 62.4,
        "genre": "metal",
        "unsure": False,
        "probabilities": shares(metal=0.7, rock=0.2),
        "not_music": 0.01,
        "tempo_bpm": 128.4,
        "key": "C# minor",
        "timeline": None,
        "tempo": None,
        "key_estimate": None,
        "model": "default",
    }
    return Classification(**{**told, **changes})


TIMELINE = (
    Segment(0.0, 20.0, shares(metal=0.6)),
    Segment(20.0, 40.0, shares(metal=0.8)),
    Segment(40.0, 62.4, shares(rock=0.5)),
)
