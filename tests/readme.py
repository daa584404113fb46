"""The commands and programs that documents promise, as they are written.

``python tests/readme.py N`` prints the N-th (from 1) shell block of README.md; CI runs what it prints.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a Markdown file, in order."""
    content = path.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", content, re.MULTILINE | re.DOTALL)
    name = path.relative_to(ROOT).as_posix()
    return [Block(name, content[: match.start()].count("\n") + 1, match[1], match[2]) for match in found]


def documents() -> list[Path]:
    """README and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def all_blocks(language: str) -> list[Block]:
    """Blocks of one language in all documents."""
    return [block for path in documents() for block in blocks(path) if block.language == language]


def commands(block: Block) -> list[str]:
    """Lines of a shell block without comments; a backslash joins lines."""
    text = block.text.replace("\\\n", " ")
    lines = [re.sub(r"\s+#\s.*$", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    shell = [block for block in blocks(ROOT / "README.md") if block.language == "sh"]
    print("\n".join(commands(shell[int(sys.argv[1]) - 1])))
