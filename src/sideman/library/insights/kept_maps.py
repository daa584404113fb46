"""Maps that were drawn lately: laying out thousands of recordings takes seconds, asking for it again should not."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sideman.library import tracks
from sideman.library.insights.gather import Map, plane
from sideman.library.store import Store
from sideman.library.track import Track

_KEPT = 4
_maps: OrderedDict[str, Map] = OrderedDict()
_lock = threading.Lock()


def map_of(store: Store, found: Sequence[Track], most: int) -> Map:
    """The map of some tracks, of more than ``most`` recordings that of a sample, the same one each time.

    It is drawn anew where a recording came, went or was heard again. Labels and tags are those of ``found``, also on a
    kept map.
    """
    single = {track.audio_hash: track for track in reversed(found) if track.audio_hash and track.analysed}
    hashes = sorted(filter(None, single))
    total = len(hashes)
    if total > most:
        hashes = [hashes[i] for i in np.sort(np.random.default_rng(0).permutation(total)[:most])]
    hashes, vectors = tracks.vectors(store, hashes)
    key = hashlib.sha256("".join(hashes).encode() + vectors.tobytes()).hexdigest()
    heard = [single[audio_hash] for audio_hash in hashes]
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
    return replace(known, tracks=tuple(heard), total=total)
