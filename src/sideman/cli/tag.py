"""``sideman tag`` and ``sideman undo``: write what was heard into the files' tags, and take it back."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sideman.cli.common import complain, printable
from sideman.cli.library_options import Database, opened
from sideman.cli.ls import TERMS, QueryWords, joined
from sideman.cli.tag_report import as_line, end, files, recover, show, write_all
from sideman.core.errors import UsageError

if TYPE_CHECKING:
    from sideman.library.tags.plan import Options, Planned
    from sideman.library.tags.run import Job
    from sideman.library.track import Track

_Preserve = Annotated[bool, typer.Option("--preserve-mtime", help="Leave the files' times of change as they are.")]
_BreakLinks = Annotated[
    bool, typer.Option("--break-hard-links", help="Also write files with several names; the others keep the old tags.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per file.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("tag", context_settings=TERMS)(tag)
    app.command("undo")(undo)


def tag(
    query: QueryWords = None,
    genre: Annotated[bool, typer.Option("--genre", help="Write the genre.")] = False,
    mood: Annotated[bool, typer.Option("--mood", help="Write the mood.")] = False,
    bpm: Annotated[bool, typer.Option("--bpm", help="Write the tempo.")] = False,
    key: Annotated[
        bool, typer.Option("--key", help="Write the key. Without any of the four, all are written.")
    ] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="P",
            help="Least probability (default: 0.5, genres where sure); 0 writes unsure genres too.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also replace what is there; otherwise only fill in.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="At most N genres, the likeliest first.")] = 1,
    share: Annotated[
        float | None,
        typer.Option(
            "--genres-above",
            min=0.0,
            max=1.0,
            metavar="P",
            help="Every genre from this probability on.",
            show_default=False,
        ),
    ] = None,
    bpm_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW..HIGH", help="Double or halve tempi into a range, such as 70..180.", show_default=False
        ),
    ] = None,
    camelot: Annotated[bool, typer.Option("--camelot", help="Write keys as on Camelot's wheel: 7A for Dm.")] = False,
    spelling: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=TEXT", help="How a genre or mood is written: hiphop=Rap. Repeatable.", show_default=False
        ),
    ] = None,
    learned: Annotated[
        str | None,
        typer.Option(
            "--learned",
            metavar="FIELD",
            help="genre or mood as 'sideman learn' learnt it from you.",
            show_default=False,
        ),
    ] = None,
    dry_run: _DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _Json = False,
    preserve_mtime: _Preserve = False,
    break_hard_links: _BreakLinks = False,
    database: Database = None,
) -> None:
    """Write genre, mood, tempo and key into the tags of files, where they are empty.

    Shows what would change and asks. Every other tag and every sample stays as it is, which is checked before a file is
    replaced; 'sideman undo' takes it back. Ctrl-C ends after the file at hand.

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files failed.
    """  # fmt: skip
    if not (yes or dry_run) and (as_json or not sys.stdin.isatty()):
        raise UsageError("nobody can be asked here; add --yes to write, or --dry-run to see what would be written")

    for word in query or []:
        if word.startswith("--"):  # a misspelt --dry-run must not become a term
            raise UsageError(f"{word}: there is no such option; 'sideman tag --help' lists them")

    from sideman.library import tracks
    from sideman.library.tags import plan
    from sideman.library.tags.formats import FIELDS
    from sideman.library.tags.spelling import spelling as spelt

    chosen = [name for name, wanted in zip(FIELDS, (genre, mood, bpm, key), strict=True) if wanted]
    options = plan.Options(
        fields=tuple(chosen) or FIELDS,
        min_confidence=min_confidence,
        force=force,
        top=top,
        genre_share=share,
        bpm_range=plan.bounds(bpm_range) if bpm_range else None,
        key_style="camelot" if camelot else "short",
        spelling=spelt(spelling or []),
    )
    with opened(database) as store:
        recover(store)
        found = tracks.find(store, joined(query), whole=True)
        if learned is not None:
            from sideman.library.learn.answers import relabelled

            found = relabelled(store, learned, found)
        planned, problems = _planned(found, options, showing=not as_json, as_json=as_json and dry_run)
        if not planned:
            complain("nothing to write")
        elif not dry_run:
            if not yes:
                _ask(f"Write {files(len(planned))}?")
            jobs: list[Job] = [(item.change, None) for item in planned]
            asked = [f"--{name}" for name in chosen] + (["--force"] if force else [])
            command = " ".join(["tag", *asked, joined(query)]).strip()
            write_all(store, command, jobs, as_json, preserve_mtime, break_hard_links, problems)
            return
    end(len(planned), problems)


def undo(
    batch: Annotated[
        int | None,
        typer.Argument(metavar="[BATCH]", help="Its number in --list; by default the last 'tag'.", show_default=False),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List what was written when, the newest first.")] = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
    preserve_mtime: _Preserve = False,
    break_hard_links: _BreakLinks = False,
    database: Database = None,
) -> None:
    """Restore the tags that 'sideman tag' replaced, field by field, where the files still hold what it wrote.

    An undo is written as safely as a tag, and can be undone by its own number.

    Exit codes: 0 all done, 1 all failed, 2 wrong usage, 3 some files or fields were left.
    """
    from sideman.library.tags import journal
    from sideman.library.tags import undo as undoing

    with opened(database) as store:
        recover(store)
        if show_list:
            _list(journal.history(store), as_json)
            return
        chosen = undoing.chosen(store, batch)
        jobs: list[Job] = []
        left = 0
        for step in undoing.steps(store, chosen):
            for line in step.left:
                complain(f"{step.entry.path}: {line}")
            left += bool(step.left)
            if step.change is None:
                continue
            jobs.append((step.change, journal.undo_note(step.entry.id)))
            if not as_json:
                show(step.change.path, step.change.old, step.change.new)
            elif dry_run:
                as_line(step.change.path, "planned", step.change.old, step.change.new)
        if jobs and not dry_run:
            write_all(store, f"{undoing.COMMAND} {chosen.id}", jobs, as_json, preserve_mtime, break_hard_links, left)
            return
        if not jobs and not left:
            complain(f"batch {chosen.id}: there is nothing left to undo")
    end(len(jobs), left)


def _ask(question: str) -> None:
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        complain("")  # Ctrl-C and Ctrl-D leave the cursor behind the question
        raise
    if not agreed:
        raise typer.Abort


def _planned(found: list[Track], options: Options, *, showing: bool, as_json: bool) -> tuple[list[Planned], int]:
    """What is to be written, shown as it is found; and how many files have a problem."""
    from sideman.core.progress import progress
    from sideman.library.tags import plan

    planned: list[Planned] = []
    problems = 0
    with progress("reading tags", len(found)) as advance:
        for item in plan.plan(_counted(found, advance), options):
            if isinstance(item, plan.Problem):
                complain(f"{item.path}: {item.detail}")
                problems += 1
                continue
            planned.append(item)
            if showing:
                show(item.change.path, item.shown, item.change.new)
            elif as_json:
                as_line(item.change.path, "planned", item.shown, item.change.new)
    return planned, problems


def _counted(found: list[Track], advance: Any) -> Iterator[Track]:
    for track in found:
        yield track
        advance(1)


def _list(batches: list[Any], as_json: bool) -> None:
    if not batches:
        complain("nothing was written yet")
    for batch in batches:
        if as_json:
            print(json.dumps({"batch": batch.id, "at": batch.started_at, "command": batch.command, **batch.states}))
            continue
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.started_at))
        states = ", ".join(f"{count} {state}" for state, count in sorted(batch.states.items())) or "nothing"
        print(f"{batch.id:>4}  {when}  {states:<24}  {printable(batch.command)}")
