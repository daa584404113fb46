"""What training on one's own files has in common, whatever is learnt: where it goes, and what is held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sideman.core.errors import OutputError

_HELD_OUT = 0.1


def work_folder(out: Path) -> Path:
    """Where what was read stays and an unfinished run keeps what it has."""
    return out.with_name(f"{out.name}.work")


def check_out(out: Path, cards: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a place where no model can go, before any work; ``cards`` are files by which a model is known.

    Raises:
        OutputError: something is there that may not be replaced, or the folder around it is missing.
    """
    is_ours = any((out / card).is_file() for card in cards)
    if out.exists() and not (overwrite and is_ours):
        raise OutputError(f"{out}: already exists; {'--overwrite replaces it' if is_ours else 'name another folder'}")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist; create {out.parent} first")


def held_groups(groups: Sequence[str]) -> set[str]:
    """Of the group of each item, those groups with about a tenth of the items, drawn by a hash of their names.

    Nothing is held out where all items belong together.
    """
    sizes = Counter(groups)
    wanted, n_held = max(1, round(_HELD_OUT * len(groups))), 0
    held: set[str] = set()
    for group in sorted(sizes, key=lambda name: hashlib.sha256(name.encode("utf-8", "replace")).digest()):
        if len(held) + 1 < len(sizes) and n_held + sizes[group] <= max(wanted, min(sizes.values())):
            held.add(group)
            n_held += sizes[group]
    return held
