"""Runs the ``sideman`` command as a user does, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def sideman(
    *arguments: str | bytes | Path,
    stdin: bytes | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Standard output, standard error (bytes) and exit code of one run."""
    return subprocess.run(
        [sys.executable, "-m", "sideman", *arguments],
        input=stdin, capture_output=True, timeout=300, check=False, cwd=cwd, env={**os.environ, **(env or {})},
    )  # fmt: skip
