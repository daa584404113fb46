"""Hearing a recording reports nothing to anybody: ONNX Runtime's own telemetry is off before it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

SONG = Path(__file__).parents[1] / "examples" / "one drop.opus"
FORCED = ("CI", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")  # each silences it by itself


def test_a_classification_leaves_no_trace_of_telemetry(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in FORCED}
    code = "import os, sys, sideman; print(sideman.classify(sys.argv[1]).genre, os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(SONG)], capture_output=True, text=True, check=False,
        env={**environment, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split() == ["reggae", "1"], done.stderr
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".ses", ".db")] == []
