"""Where else to look for music of a mood: a search on YouTube, as a link that a person may open. Nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote_plus

_ADDRESS = "https://www.youtube.com/results?search_query="
_LONGEST = 200  # characters of the words; more finds nothing


@dataclass(frozen=True)
class Elsewhere:
    """A search somewhere else.

    Attributes:
        service: whose.
        terms: what is searched for, for people.
        url: the same as an address, percent-encoded.
    """

    service: str
    terms: str
    url: str


def youtube(
    mood: str, *, language: str | None = None, artist: str | None = None, genre: str | None = None
) -> Elsewhere:
    """A search for songs of a mood; language, artist and genre are added as they are written."""
    words = (language, mood, genre, "songs", artist)
    terms = " ".join(" ".join(word.split()) for word in words if word and word.strip())[:_LONGEST].rstrip()
    # What is no Unicode (a stray byte of a tag) has no place in an address.
    clean = terms.encode("utf-8", "replace").decode()
    return Elsewhere("YouTube", clean, _ADDRESS + quote_plus(clean))
