"""What the cards of the shipped composers say besides figures."""

from __future__ import annotations

from typing import Any

from sideman.compose.recipe.sets import OPEN_SETS, RESEARCH_SETS

_LICENCES = {
    "pop909": "MIT",
    "weimar-jazz": "MIT and ODbL",
    "groove": "CC BY 4.0",
    "openewld": "MIT, scores in the public domain",
    "freedoom": "BSD-3-Clause",
    "music21-folk": "tunes in the public domain, encoded with permission via music21",
    "bbloomf-pd-songs": "public domain",
    "music21-classical": "mixed, see music21's corpus licence",
    "musetrainer": "scores in the public domain",
    "pianolatron": "MIT",
    "giantmidi": "CC BY 4.0",
    "piano-midi-de": "CC BY-SA 3.0 DE by its site",
    "nottingham": "GPL-3.0",
    "openmsx": "GPL-2.0",
    "adl-piano-midi": "none stated; from Lakh (CC BY 4.0) and the web",
    "riddim-archive": "mixed",
    "vgmidi": "none stated",
    "xmidi-subset": "none stated",
    "ragtime-rag": "none stated",
}
_LICENCE = {
    "open": "Apache-2.0; learnt only from sets whose licences let weights be used for anything (see data)",
    "research": "for research and private use only; learnt from sets that are not all freely licensed (see data)",
}


def facts(build: str) -> dict[str, Any]:
    """Licence, data and limits of a build, "open" or "research"."""
    sets = OPEN_SETS if build == "open" else RESEARCH_SETS
    return {
        "name": build,
        "licence": _LICENCE[build],
        "claim": "no claim is made on the pieces learnt from, nor on what is composed",
        "data": {name: licence for name, licence in _LICENCES.items() if name in sets},
        "mood": "rules: mode, tempo, events per second, loudness, register"
        + ("" if build == "open" else "; people's labels for vgmidi and xmidi-subset"),
        "split": "by artist, book or piece, and by near-duplicate; 8 % test, 4 % validation, the same for both builds",
    }
