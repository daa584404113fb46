"""Decodes mutants in a process of its own: ``kind seed`` lines come in, one JSON line of findings each goes out.

``problem`` is None when the decoder behaved: finite float32 samples, or a one-line SidemanError that names the file.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from sideman.audio import decode
from sideman.core.errors import SidemanError
from tests.audio.fuzz_mutations import mutant

LIMITS = decode.Limits(max_duration_s=60.0, max_decoded_samples=5_000_000, max_loaded_samples=2_000_000)


def examine(path: Path, seed: int) -> tuple[str, str | None]:
    """Return ("samples" or "error", problem or None)."""
    rate_hz = (22050, 22050, None, 48000)[seed % 4]
    start_s = (0.0, 0.0, 0.03)[seed % 3]
    try:
        with contextlib.suppress(SidemanError):
            decode.probe(path, limits=LIMITS)
        y, out_hz = decode.load(path, sample_rate_hz=rate_hz, start_s=start_s, limits=LIMITS)
        if seed % 5 == 0:
            blocks = list(
                decode.stream(path, sample_rate_hz=rate_hz, start_s=start_s, block_s=5000 / out_hz, limits=LIMITS)
            )
            if not np.array_equal(np.concatenate(blocks), y):
                return "samples", "stream and load differ"
    except SidemanError as error:
        message = str(error)
        faulty = "\n" in message or path.name not in message or not message.isprintable()
        return "error", f"bad message: {message!r}" if faulty else None
    except BaseException:  # noqa: BLE001 - the very thing that the fuzz looks for
        return "error", traceback.format_exc()
    if y.dtype != np.float32 or y.ndim != 1 or len(y) == 0 or not np.isfinite(y).all():
        return "samples", f"bad samples: {y.dtype} {y.shape} finite={bool(np.isfinite(y).all())}"
    return "samples", None


def limit_memory() -> None:
    """A header that makes the decoder allocate gigabytes must fail here, as a MemoryError, and be reported."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def main() -> None:
    limit_memory()
    logging.disable(logging.CRITICAL)  # warnings about damaged files are expected by the thousand
    with tempfile.TemporaryDirectory() as folder, os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        for line in sys.stdin:
            kind, seed = line.split()
            path = Path(folder) / f"{kind}-{seed}"
            path.write_bytes(mutant(kind, int(seed)))
            begin = time.process_time()
            outcome, problem = examine(path, int(seed))
            path.unlink()
            cpu_s = time.process_time() - begin
            print(json.dumps({"outcome": outcome, "problem": problem, "cpu_s": cpu_s}), file=out, flush=True)


if __name__ == "__main__":
    main()
