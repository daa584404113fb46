"""A generator of spectra, or a vocoder, from one's own recordings: read once, learnt from, kept as a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sideman.audio.mel_picture import FORM
from sideman.compose.own import check_out, held_groups, work_folder
from sideman.compose.spectra.corpus import Piece, Recording, SoundCorpus, build
from sideman.compose.spectra.imaginers import CARD
from sideman.core.atomic import atomic_folder, atomic_write
from sideman.core.errors import DatasetError, OutputError, UsageError
from sideman.core.paths import find_audio

MODELS = ("flow", "dcgan", "vocoder")
CARDS = (CARD, "vocoder.json")
"""By which a folder is known for ours: a generator's, a vocoder's."""
MOST_GENRES = 200
BATCHES = {"flow": 32, "dcgan": 32, "vocoder": 12}
_WINDOW_S = {"flow": 1.86, "dcgan": 1.49, "vocoder": 1.1}
_PASSES = {"flow": 40, "dcgan": 40, "vocoder": 25}
_FEWEST_STEPS, _MOST_STEPS = 1000, 60_000
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to train and how.

    Attributes:
        model: one of `MODELS`.
        steps: batches to learn from; None takes what the music asks for.
        batch: examples in a batch; None takes the model's own number.
        rate: highest learning rate; None takes the model's own.
        genres: tell the generator which folder a recording is from.
        longest_s: seconds taken of each recording, from its middle.
        device: "cpu" or "cuda".
        seed: of everything random.
    """

    model: str = "flow"
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    genres: bool = True
    longest_s: float = 120.0
    device: str = "cpu"
    seed: int = 0

    def check(self) -> None:
        """Raises :class:`UsageError` for what cannot be."""
        if self.model not in MODELS:
            raise UsageError(f"model '{self.model}' is not known; choose {', '.join(MODELS)}")
        if self.rate is not None and not self.rate > 0:
            raise UsageError(f"a learning rate of {self.rate:g} teaches nothing; give more than 0")
        if not 2 <= self.longest_s <= 3600:
            raise UsageError(f"{self.longest_s:g} seconds of a recording: must be from 2 to 3600")
        if self.batch is not None and self.batch < 2:
            raise UsageError("a batch needs 2 examples or more")
        if self.device not in ("cpu", "cuda"):
            raise UsageError(f"device '{self.device}' is not known; choose cpu or cuda")


def find_recordings(folder: Path) -> list[Recording]:
    """All recordings under ``folder``: a folder is a genre, what lies in folders within it belongs together.

    Raises:
        DatasetError: ``folder`` is no folder, has no recordings, or more than 200 genres.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is no folder; name one with a folder of recordings for each genre")
    found = []
    for path in find_audio([folder]):
        inside = path.relative_to(folder).parts
        genre = inside[0] if len(inside) > 1 else None
        found.append(Recording(str(path), genre, "/".join(inside[:-1]) if len(inside) > 2 else "/".join(inside)))
    if not found:
        raise DatasetError(f"{folder}: has no recordings; name a folder with music in it")
    n_genres = len({r.genre for r in found if r.genre})
    if n_genres > MOST_GENRES:
        raise DatasetError(f"{folder}: has {n_genres} folders, which count as genres; {MOST_GENRES} at most")
    return found


def prepare(
    recordings: list[Recording],
    work: Path,
    plan: Plan,
    *,
    workers: int | None = None,
    advance: Callable[[], None] | None = None,
) -> tuple[SoundCorpus, list[str]]:
    """The corpus of recordings in ``work``, made unless it is there; and a line for each file left out.

    Raises:
        DatasetError: no file can be learnt from.
        OutputError: ``work`` cannot be written.
    """
    digest, facts = _digest(recordings, plan), work / "sources.json"
    try:
        known = json.loads(facts.read_text(encoding="utf-8"))
        if known["digest"] == digest:
            return SoundCorpus(work / "corpus"), list(known["left_out"])
    except (OSError, ValueError, KeyError, TypeError, DatasetError):
        pass  # not made yet, or damaged: it is made anew
    try:
        work.mkdir(exist_ok=True)
        facts.unlink(missing_ok=True)
        shutil.rmtree(work / "corpus", ignore_errors=True)
        moods = plan.model == "flow"
        left_out = build(
            recordings, work / "corpus", longest_s=plan.longest_s, moods=moods, workers=workers, advance=advance
        )
    except OSError as error:
        raise OutputError(f"{work}: cannot be written ({error.strerror}); free space or name another --out") from error
    with atomic_write(facts, "w") as file:
        json.dump({"digest": digest, "left_out": left_out}, file, indent=1)
    return SoundCorpus(work / "corpus"), left_out


def _digest(recordings: list[Recording], plan: Plan) -> str:
    seen = hashlib.sha256(f"{plan.longest_s} {plan.model == 'flow'}".encode())
    for recording in recordings:
        status = Path(recording.path).stat()
        row = f"{recording.path}\0{recording.genre}\0{status.st_size}\0{status.st_mtime_ns}\n"
        seen.update(row.encode("utf-8", "replace"))
    return seen.hexdigest()


def hold_out(pieces: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Pieces to learn from, and about a tenth set apart, whole groups (`held_groups`)."""
    held = held_groups([p.recording.group for p in pieces])
    return [p for p in pieces if p.recording.group not in held], [p for p in pieces if p.recording.group in held]


def default_steps(duration_s: float, plan: Plan) -> int:
    """Steps for 25 (vocoder) or 40 passes over the music."""
    batch = plan.batch or BATCHES[plan.model]
    passes = _PASSES[plan.model] * duration_s / (batch * _WINDOW_S[plan.model])
    return int(min(max(passes, _FEWEST_STEPS), _MOST_STEPS))


def settled(plan: Plan, corpus: SoundCorpus) -> Plan:
    """The plan with steps and batch filled in."""
    learnt, _ = hold_out(corpus.pieces)
    duration_s = sum(p.n for p in learnt) / FORM.sample_rate_hz
    return replace(plan, steps=plan.steps or default_steps(duration_s, plan), batch=plan.batch or BATCHES[plan.model])


def train(
    prepared: tuple[SoundCorpus, list[str]],
    plan: Plan,
    out: Path,
    *,
    overwrite: bool = False,
    on_step: Callable[[int], None] | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Train a model on what `prepare` read and keep it in ``out``; returns its card.

    A run that was killed goes on when called again with the same plan and recordings, and ends in the same weights.

    Args:
        prepared: corpus, and lines on what was left out.
        plan: what to train.
        out: folder that appears when all is done; the work is kept beside it (`work_folder`).
        overwrite: replace a model that is there.
        on_step: called with the number of steps that are done.
        tell: called with lines for people: files left out, how the run stands.

    Raises:
        ModelError, OutputError, UsageError, MissingExtraError: see the message.
    """
    plan.check()
    check_out(out, CARDS, overwrite=overwrite)
    say = tell or (lambda _: None)
    corpus, left_out = prepared
    for line in left_out:
        say(line)
    learnt, held = hold_out(corpus.pieces)
    if not held:
        say(f"{len(learnt)} recording(s) that belong together: none can be held out to watch the training by")
    plan = settled(plan, corpus)
    told = asdict(plan) | {"device": None, "corpus": _digest([p.recording for p in corpus.pieces], plan)}
    name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    checkpoint = work_folder(out) / f"run-{name}.safetensors"

    from sideman.compose.models import spectra_run

    minutes = sum(p.n for p in learnt) / FORM.sample_rate_hz / 60
    facts = {
        "name": out.name,
        "seed": plan.seed,
        "trained_on": {"recordings": len(learnt), "held_out": len(held), "minutes": round(minutes, 1)},
        "left_out": left_out,
        "licence": "that of the music learnt from",
    }
    payload, more = spectra_run.learn(corpus, learnt, held, plan, checkpoint, on_step=on_step, tell=say)
    with atomic_folder(out, overwrite=overwrite) as target:
        stem = "vocoder" if plan.model == "vocoder" else Path(CARD).stem
        card = spectra_run.write(target / stem, payload, facts | more)
    checkpoint.unlink(missing_ok=True)
    return card
