"""How ``sideman classify`` prints: a table for people, CSV for sheets, JSON Lines for programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from sideman.cli.common import cells, clock, complain, fit, percent, printable

if TYPE_CHECKING:
    from rich.console import Console

    from sideman.genre.classification import Classification, Segment


_FILE_COLUMNS = ("duration_s", "genre", "unsure", "tempo_bpm", "key", "valence", "arousal", "mood")
_TIMELINE_COLUMNS = ("start_s", "end_s", "genre")
_LIKELY = 0.5


class Output(Protocol):
    """Takes results one by one, in the order in which they are to be seen."""

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def add(self, heard: Classification) -> None:
        """Print what was heard in one file."""

    def fail(self, path: str, error: str) -> None:
        """Print that one file failed, and why."""


class _Lines:
    """Writes whole lines of bytes at once, so that a reader sees each result when it is ready."""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()

    @staticmethod
    def _write(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


class JsonOutput(_Lines):
    """One JSON object per line; bytes of a path that are no UTF-8 appear as ``\\udcXX``, as os.fsdecode has them."""

    def add(self, heard: Classification) -> None:
        """Print the classification's dictionary."""
        self._dump(heard.to_dict())

    def fail(self, path: str, error: str) -> None:
        """Print path and error."""
        self._dump({"path": path, "error": error})

    def _dump(self, record: dict[str, Any]) -> None:
        # backslashreplace turns a lone surrogate into \udcXX, which is just how JSON writes one.
        line = json.dumps(record, ensure_ascii=False, allow_nan=False)
        self._write(line.encode("utf-8", "backslashreplace") + b"\n")


class CsvOutput(_Lines):
    """A header and one row per file, or per segment with ``timeline``; paths keep their bytes."""

    def __init__(self, *, timeline: bool) -> None:
        self._timeline = timeline
        self._genres: list[str] | None = None
        self._held: list[tuple[str, str]] = []  # failures before the genres, and so the header, are known

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Print the header even where no file succeeded."""
        if self._genres is None and kind is not BrokenPipeError:
            self._begin([])
        super().__exit__(kind, error, trace)

    def add(self, heard: Classification) -> None:
        """Print a row, or a row per segment."""
        if self._genres is None:
            self._begin(sorted(heard.probabilities))
        if self._timeline:
            for segment in heard.timeline or ():
                genre = max(segment.probabilities, key=segment.probabilities.__getitem__)
                span = [f"{segment.start_s:.2f}", f"{segment.end_s:.2f}"]
                self._row([heard.path, *span, genre, *self._shares(segment.probabilities), ""])
            return
        tempo = "" if heard.tempo_bpm is None else f"{heard.tempo_bpm:.1f}"
        told = [heard.path, f"{heard.duration_s:.2f}", heard.genre, str(heard.unsure).lower(), tempo, heard.key or ""]
        mood = ["" if value is None else f"{value:.2f}" for value in (heard.valence, heard.arousal)]
        self._row([*told, *mood, heard.mood or "", *self._shares(heard.probabilities), ""])

    def fail(self, path: str, error: str) -> None:
        """Print a row with path and error only."""
        if self._genres is None:
            self._held.append((path, error))
            return
        blanks = len(_TIMELINE_COLUMNS if self._timeline else _FILE_COLUMNS)
        self._row([path, *[""] * (blanks + len(self._genres)), error])

    def _begin(self, genres: list[str]) -> None:
        self._genres = genres
        told = _TIMELINE_COLUMNS if self._timeline else _FILE_COLUMNS
        self._row(["path", *told, *(f"p_{genre}" for genre in genres), "error"])
        for path, error in self._held:
            self.fail(path, error)

    def _shares(self, probabilities: dict[str, float]) -> list[str]:
        return [f"{probabilities[genre]:.4f}" for genre in self._genres or ()]

    def _row(self, cells: Sequence[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._write(text.getvalue().encode("utf-8", "surrogateescape"))


class TableOutput:
    """A table that grows row by row, fit for 80 columns; colours on a terminal unless NO_COLOR is set."""

    _WIDTHS = {"genre": 9, "likely": 14, "mood": 12, "tempo": 5, "key": 8, "length": 8}
    _NARROWEST = 12

    def __init__(self, files: Iterable[Path], *, top: int, timeline: bool) -> None:
        self._top = top
        self._timeline = timeline
        fixed = sum(self._WIDTHS.values()) + 2 * len(self._WIDTHS)
        longest = max((cells(printable(str(path))) for path in files), default=4)
        room = shutil.get_terminal_size((80, 24)).columns - fixed if sys.stdout.isatty() else longest
        self._path_width = max(self._NARROWEST, min(longest, room))
        self._console: Console | None = None

    def __enter__(self) -> TableOutput:
        """Print the header."""
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._print(self._line("File", "Genre", "Likely", "Mood", "Tempo", "Key", "Length"), "bold")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held back: every row is written at once."""

    def add(self, heard: Classification) -> None:
        """Print a row, one more line for each further likely genre, and the runs of the timeline."""
        ranked = sorted(heard.probabilities.items(), key=lambda pair: -pair[1])[: self._top]
        likely = [f"{genre:9} {percent(p):>4}" for genre, p in ranked]
        tempo = "-" if heard.tempo_bpm is None else f"{heard.tempo_bpm:.0f}"
        line = self._line(
            printable(heard.path),
            "unsure" if heard.unsure else heard.genre,
            likely[0],
            _mood(heard),
            tempo,
            heard.key or "-",
            clock(heard.duration_s),
        )
        self._print(line, "yellow" if heard.unsure else "green", self._path_width + 2, self._WIDTHS["genre"])
        for further in likely[1:]:
            self._print(self._line("", "", further), "dim")
        if self._timeline:
            for start_s, end_s, genre, p in _runs(heard.timeline or ()):
                self._print(f"  {clock(start_s):>7} - {clock(end_s):<7}  {genre:9} {percent(p):>4}", "dim")

    def fail(self, path: str, error: str) -> None:
        """Print the error on stderr: the table is for what was heard."""
        sys.stdout.flush()
        complain(f"error: {error}")

    def _line(
        self, path: str, genre: str, likely: str, mood: str = "", tempo: str = "", key: str = "", length: str = ""
    ) -> str:
        widths = self._WIDTHS
        return (
            f"{fit(path, self._path_width)}  {genre:{widths['genre']}}  {likely:{widths['likely']}}  "
            f"{mood:{widths['mood']}}  {tempo:>{widths['tempo']}}  {key:{widths['key']}}  {length:>{widths['length']}}"
        ).rstrip()

    def _print(self, line: str, style: str, start: int = 0, length: int | None = None) -> None:
        from rich.text import Text

        text = Text(line)
        text.stylize(style, start, None if length is None else start + length)
        assert self._console is not None
        with self._console.capture() as styled:  # and through sys.stdout, which a progress bar may have taken over
            self._console.print(text)
        sys.stdout.write(styled.get())
        sys.stdout.flush()


def _mood(heard: Classification) -> str:
    """The word, with a question mark where it is less likely right than wrong."""
    if heard.mood is None:
        return "-"
    return heard.mood if (heard.mood_confidence or 0.0) >= _LIKELY else f"{heard.mood}?"


def _runs(timeline: Iterable[Segment]) -> list[tuple[float, float, str, float]]:
    """Neighbouring segments of one leading genre as (start_s, end_s, genre, mean probability)."""
    runs: list[tuple[float, float, str, list[float]]] = []
    for segment in timeline:
        genre = max(segment.probabilities, key=segment.probabilities.__getitem__)
        p = segment.probabilities[genre]
        if runs and runs[-1][2] == genre:
            start_s, _, _, shares = runs[-1]
            runs[-1] = (start_s, segment.end_s, genre, [*shares, p])
        else:
            runs.append((segment.start_s, segment.end_s, genre, [p]))
    return [(start_s, end_s, genre, sum(shares) / len(shares)) for start_s, end_s, genre, shares in runs]
