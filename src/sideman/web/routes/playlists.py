"""Routes: playlists, made and as files."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Body
from fastapi.responses import Response

from sideman.web.context import Library
from sideman.web.heavy import heavy
from sideman.web.routes.library import all_of_library, heard
from sideman.web.schemas.playlists import ListExport, PlaylistMade, PlaylistWish, RuleExport, made

router = APIRouter(tags=["playlists"])

_KINDS = {
    "m3u8": "application/vnd.apple.mpegurl", "jspf": "application/jspf+json", "xml": "application/xml",
    "nsp": "application/json",
}  # fmt: skip
_IN_NO_NAME = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028\u2029\u202a-\u202e\u2066-\u2069]+')


@router.post("/library/playlists")
def make(store: Library, wish: PlaylistWish) -> PlaylistMade:
    """Songs that follow each other well in tempo, key, sound and loudness."""
    from sideman.library.playlists.arcs import arc
    from sideman.library.playlists.build import MINUTES, build

    moods = None if wish.mood is None else arc(wish.mood)
    seed = None if wish.seed is None else heard(store, wish.seed)
    minutes = MINUTES if wish.minutes is None else wish.minutes
    with heavy():
        playlist = build(
            store, wish.query or None, seed=seed, arc=moods, minutes=None if wish.songs else minutes, n=wish.songs,
            spacing=wish.spacing, random_seed=wish.random_seed, taste=wish.taste, title=wish.title,
        )  # fmt: skip
    return made(playlist)


@router.post("/library/playlists/export", response_class=Response)
def export(store: Library, wish: Annotated[ListExport | RuleExport, Body(discriminator="format")]) -> Response:
    """A playlist as a file to download; songs are named by their whole paths on the server's machine."""
    from sideman.library.playlists import nsp
    from sideman.library.playlists.build import Playlist
    from sideman.library.playlists.saving import render

    if isinstance(wish, RuleExport):
        text = nsp.text(wish.title, wish.query, limit=wish.limit)
    else:
        songs = tuple(all_of_library(store, wish.tracks, whole=False))
        text = render(Playlist(wish.title, songs), f"list.{wish.format}", absolute=True)
    name = f"{_IN_NO_NAME.sub(' ', wish.title).strip(' .')[:100] or 'Playlist'}.{wish.format}"
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(text.encode(), media_type=_KINDS[wish.format], headers={"Content-Disposition": disposition})
