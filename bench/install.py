"""What an installation costs: its size, and the time of `import sideman` and `sideman --help`.

    python bench/install.py [--here] [--repeats 10] [--json]

Protocol: `pip install .` of this repository, without extras, into an empty virtual environment in a temporary folder.
Size is the sum of all files in it without pip and setuptools. Times are whole processes, Python's own start included
where it says so: the best and the median of the repeats, wall clock and CPU time. With --here the environment that runs
this script is measured instead (times only).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
SONG = ROOT / "examples" / "iron gallop.ogg"


def megabytes(folder: Path) -> dict[str, float]:
    """Size of each top-level entry of site-packages and of the whole, in MB of 10^6 bytes."""
    sizes: dict[str, float] = {}
    for path in folder.rglob("*"):
        top = path.relative_to(folder).parts[0]
        if path.is_file() and not path.is_symlink() and not top.startswith(("pip", "setuptools")):
            sizes[top] = sizes.get(top, 0) + path.stat().st_size / 1e6
    return sizes


def timed(command: list[str], repeats: int) -> dict[str, float]:
    """Wall-clock and CPU seconds of a whole process."""
    wall_s, cpu_s = [], []
    for _ in range(repeats + 1):  # the first one writes bytecode and warms the disk's cache
        before, began_s = os.times(), time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=tempfile.gettempdir())
        wall_s.append(time.perf_counter() - began_s)
        after = os.times()
        cpu_s.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return {"best_s": min(wall_s[1:]), "median_s": statistics.median(wall_s[1:]), "cpu_s": min(cpu_s[1:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--here", action="store_true", help="measure the environment that runs this script")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sideman-install-") as folder:
        python, sizes = sys.executable, {}
        if not options.here:
            venv.create(folder, with_pip=True)
            python = str(Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python")
            subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
            (site,) = Path(folder).glob("[Ll]ib/**/site-packages")
            sizes = megabytes(site)
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "python -c 'import sideman'": [python, "-c", "import sideman"],
            "sideman --help": [python, "-m", "sideman", "--help"],
            "sideman classify SONG": [python, "-m", "sideman", "classify", str(SONG)],
        }
        times = {name: timed(command, options.repeats) for name, command in commands.items()}
    if options.json:
        print(json.dumps({"total_mb": sum(sizes.values()), "sizes_mb": sizes, "times": times}))
        return
    if sizes:
        largest = sorted(sizes.items(), key=lambda pair: -pair[1])[:6]
        print(
            f"installed: {sum(sizes.values()):.0f} MB ({', '.join(f'{name} {size:.0f}' for name, size in largest)})\n"
        )
    print(f"{'whole process':32}{'best':>8}{'median':>8}{'CPU':>8}   seconds")
    for name, row in times.items():
        print(f"{name:32}{row['best_s']:8.3f}{row['median_s']:8.3f}{row['cpu_s']:8.3f}")


if __name__ == "__main__":
    main()
