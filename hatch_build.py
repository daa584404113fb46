"""Builds the page (web/) into the package where Node.js 20 or newer is there; without it the HTTP API still works.

``SIDEMAN_PAGE=skip`` leaves the page out, ``SIDEMAN_PAGE=require`` fails where it cannot be built.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_OLDEST_NODE = 20
_SOURCES = ("src", "public", "plugins")
_FILES = ("index.html", "package.json", "package-lock.json", "vite.config.ts", "svelte.config.js", "tsconfig.json")


class PageBuildHook(BuildHookInterface):
    """Runs ``npm ci`` and ``vite build``, unless the page is there and its sources have not changed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page before files are gathered."""
        wanted = os.environ.get("SIDEMAN_PAGE", "auto")
        if self.target_name != "wheel" or wanted == "skip":
            return
        web = Path(self.root, "web")
        page = Path(self.root, "src", "sideman", "web", "page")
        if not (web / "package.json").is_file():
            return  # from a source distribution whose page was built before
        stamp, state = page / ".sources", _state(web)
        if stamp.is_file() and stamp.read_text() == state:
            return
        try:
            _build(web)
        except PageError as error:
            if wanted == "require":
                raise SystemExit(f"the page cannot be built: {error}") from None
            print(f"the page was left out: {error}; the HTTP API works without it", file=sys.stderr)
            return
        stamp.write_text(state)


class PageError(Exception):
    """Why the page cannot be built."""


def _state(web: Path) -> str:
    """A digest of everything that the page is made of."""
    digest = hashlib.sha256()
    inside = [path for folder in _SOURCES for path in sorted((web / folder).rglob("*")) if path.is_file()]
    for path in [*inside, *(web / name for name in _FILES)]:
        digest.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _build(web: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PageError(f"there is no Node.js; install version {_OLDEST_NODE} or newer")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", told)
    if found is None or int(found[1]) < _OLDEST_NODE:
        raise PageError(f"Node.js is {told.strip() or 'broken'}; install version {_OLDEST_NODE} or newer")
    # What was installed from this very lock file is not installed again.
    lock, installed = (web / "package-lock.json").read_bytes(), web / "node_modules" / ".installed-from"
    fresh = not installed.is_file() or installed.read_bytes() != lock
    for command in [[npm, "ci", "--no-audit", "--no-fund"]] * fresh + [[npm, "run", "build"]]:
        done = subprocess.run(command, cwd=web, capture_output=True, text=True, check=False)
        if done.returncode:
            last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-3:]
            raise PageError(f"`{' '.join(['npm', *command[1:]])}` failed: {' '.join(last)}")
        if command[1] == "ci":
            installed.write_bytes(lock)
