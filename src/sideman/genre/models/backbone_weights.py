"""Weights that the user names: a file, or an https address whose content a checksum pins."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sideman.core.atomic import atomic_write
from sideman.core.errors import ModelError, UsageError
from sideman.core.paths import user_cache_folder
from sideman.inference.cards import sha256_of

MOST_BYTES = 1 << 30
_TIMEOUT_S = 30.0


def located(weights: str, sha256: str = "", *, cache: Path | None = None) -> Path:
    """Return the file that ``weights`` names; what an address names is fetched once and kept in the cache folder.

    Args:
        weights: a path, or an address that begins with https://.
        sha256: of the file, hexadecimal; needed for an address, checked where it is given.
        cache: folder for fetched files, by default the user's.

    Raises:
        UsageError: an address without checksum, another scheme, or a checksum that is none.
        ModelError: the file is missing, cannot be fetched, is too large, or has another checksum.
    """
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"sha256 must be 64 hexadecimal digits, not '{sha256}'")
    if "://" not in weights:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise ModelError(f"{path}: no such file of weights; name the file, or an https address with its sha256")
        if sha256:
            _check(sha256_of(path), sha256, str(path))
        return path
    if not weights.startswith("https://"):
        raise UsageError(f"{weights}: weights are fetched over https only")
    if not sha256:
        raise UsageError(f"{weights}: give the sha256 of the file; nothing is fetched without")
    folder = (cache or user_cache_folder()) / "weights"
    path = folder / f"{sha256.lower()}{Path(weights.split('?')[0]).suffix}"
    if path.is_file() and sha256_of(path) == sha256.lower():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    _fetch(weights, sha256, path)
    return path


def _fetch(address: str, sha256: str, path: Path) -> None:
    from urllib.error import URLError
    from urllib.request import urlopen

    digest, size = hashlib.sha256(), 0
    try:
        with urlopen(address, timeout=_TIMEOUT_S) as answer, atomic_write(path) as file:
            while block := answer.read(1 << 20):
                size += len(block)
                if size > MOST_BYTES:
                    raise ModelError(f"{address}: larger than {MOST_BYTES >> 20} MiB; these are no weights for this")
                digest.update(block)
                file.write(block)
            _check(digest.hexdigest(), sha256, address)
    except (URLError, TimeoutError, ConnectionError) as error:
        raise ModelError(
            f"{address}: cannot be fetched ({getattr(error, 'reason', error)}); download it by hand"
        ) from None


def _check(actual: str, wanted: str, what: str) -> None:
    if actual != wanted.lower():
        raise ModelError(f"{what}: checksum {actual[:12]} is not the {wanted[:12].lower()} that was asked for")
