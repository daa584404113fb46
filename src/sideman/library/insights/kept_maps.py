"""Maps that were drawn lately: laying out thousands of recordings takes seconds, asking for it again should not."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from sideman.library.insights.gather import Map, plane, recordings
from sideman.library.store import Store
from sideman.library.track import Track

_KEPT = 4
_maps: OrderedDict[str, Map] = OrderedDict()
_lock = threading.Lock()


def map_of(store: Store, found: Sequence[Track], most: int) -> Map:
    """The map of some tracks, at most so many points; drawn anew where a recording came, went or was heard again.

    Labels and tags are those of ``found``, also on a kept map.
    """
    heard, vectors = recordings(store, found)
    digest = hashlib.sha256(f"{most}\0".encode())
    for track in heard:
        digest.update(f"{track.audio_hash}\n".encode())
    digest.update(vectors.tobytes())
    key = digest.hexdigest()
    with _lock:
        known = _maps.get(key)
        if known is not None:
            _maps.move_to_end(key)
    if known is None:
        known = plane(heard, vectors, most_points=most)
        with _lock:
            _maps[key] = known
            while len(_maps) > _KEPT:
                _maps.popitem(last=False)
    now = {track.audio_hash: track for track in heard}
    return replace(known, tracks=tuple(now[track.audio_hash] for track in known.tracks))
