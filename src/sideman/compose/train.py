"""A composer from one's own music: files found, tokenised once, learnt from, and kept as a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sideman.compose.corpus import Corpus, Piece, Source, build
from sideman.compose.keep import index_of, write_composer
from sideman.compose.own import check_out, held_groups, work_folder
from sideman.core.atomic import atomic_folder, atomic_write
from sideman.core.errors import DatasetError, OutputError, UsageError
from sideman.symbolic.reading import SUFFIXES

MODELS = {"transformer": ("tiny", "compact", "small", "base"), "lstm": ("tiny", "compact", "small")}
RATES = {"transformer": 3e-3, "lstm": 2e-3}
MOST_GENRES = 24
CARD = "composer.json"
_PASSES = 15  # over the music, by default
_FEWEST_STEPS, _MOST_STEPS = 200, 20_000
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to train and how.

    Attributes:
        model: one of `MODELS`.
        size: one of the model's sizes.
        steps: batches to learn from; None takes what the music asks for.
        batch: examples in a batch.
        context: tokens in an example.
        rate: highest learning rate; None takes the model's own.
        patience: pauses (20 in a run) without a better loss on pieces held out after which the run ends; 0 for never.
        int8: store weights in 8 bits.
        seed: of everything random.
    """

    model: str = "transformer"
    size: str = "compact"
    steps: int | None = None
    batch: int = 8
    context: int = 512
    rate: float | None = None
    patience: int = 5
    int8: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raises :class:`UsageError` for what cannot be."""
        if self.model not in MODELS:
            raise UsageError(f"model '{self.model}' is not known; choose {' or '.join(MODELS)}")
        if self.size not in MODELS[self.model]:
            raise UsageError(
                f"a {self.model} of size '{self.size}' is not known; choose {', '.join(MODELS[self.model])}"
            )
        if self.context < 32:
            raise UsageError(f"a context of {self.context} tokens holds no music; give 32 or more")
        if self.rate is not None and not self.rate > 0:
            raise UsageError(f"a learning rate of {self.rate:g} teaches nothing; give more than 0")


def find_sources(folder: Path) -> list[Source]:
    """All scores under ``folder``: a folder is a genre, what lies in folders within it belongs together.

    Raises:
        DatasetError: ``folder`` is no folder, has no scores, or more than 24 genres.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is no folder; name one with a folder of scores for each genre")
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.suffix.lower() not in SUFFIXES or not path.is_file() or any(p.startswith(".") for p in inside):
            continue
        genre = inside[0] if len(inside) > 1 else None
        group = "/".join(inside[:-1]) if len(inside) > 2 else "/".join(inside)
        found.append(Source(str(path), genre, group))
    if not found:
        raise DatasetError(f"{folder}: has no scores ({' '.join(SUFFIXES)}); name a folder with MIDI files")
    genres = {source.genre for source in found if source.genre}
    if len(genres) > MOST_GENRES:
        raise DatasetError(f"{folder}: has {len(genres)} folders, and a composer knows {MOST_GENRES} genres; join some")
    return found


def digest_of(sources: list[Source]) -> str:
    """What tells whether the files are still the same: paths, sizes, times."""
    seen = hashlib.sha256()
    for source in sources:
        status = Path(source.path).stat()
        seen.update(
            f"{source.path}\0{source.genre}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "replace")
        )
    return seen.hexdigest()


def prepare_corpus(
    sources: list[Source], work: Path, *, workers: int | None = None, advance: Callable[[], None] | None = None
) -> tuple[Corpus, list[str]]:
    """The corpus of ``sources`` in ``work``, made unless it is there; and a line for each file left out.

    Raises:
        DatasetError: no file can be learnt from.
        OutputError: ``work`` cannot be written.
    """
    digest, facts = digest_of(sources), work / "sources.json"
    try:
        known = json.loads(facts.read_text(encoding="utf-8"))
        if known["digest"] == digest:
            return Corpus(work / "corpus"), list(known["left_out"])
    except (OSError, ValueError, KeyError, TypeError, DatasetError):
        pass  # not made yet, or damaged: it is made anew
    try:
        work.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work}: cannot be made ({error.strerror}); name another --out") from error
    facts.unlink(missing_ok=True)
    shutil.rmtree(work / "corpus", ignore_errors=True)
    left_out = build(sources, work / "corpus", workers=workers, advance=advance)
    with atomic_write(facts, "w") as file:
        json.dump({"digest": digest, "left_out": left_out}, file, indent=1)
    return Corpus(work / "corpus"), left_out


def hold_out(corpus: Corpus) -> list[Piece]:
    """Set about a tenth of the pieces apart, whole groups (`held_groups`); returns them."""
    held = held_groups([p.group for p in corpus.pieces])
    corpus.pieces = [replace(p, split="valid" if p.group in held else "train") for p in corpus.pieces]
    return corpus.part("valid")


def default_steps(n_tokens: int, plan: Plan) -> int:
    """Steps for about 15 passes over the music."""
    return int(min(max(_PASSES * n_tokens / (plan.batch * plan.context), _FEWEST_STEPS), _MOST_STEPS))


def train(
    folder: Path,
    plan: Plan,
    out: Path,
    *,
    overwrite: bool = False,
    workers: int | None = None,
    advance: Callable[[], None] | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Train a composer on the scores in ``folder`` and keep it in ``out``; returns its card.

    A run that was killed goes on when called again with the same plan, and ends in the same weights.

    Args:
        folder: a folder of scores for each genre; files directly in it have none.
        plan: what to train.
        out: folder that appears when all is done; the work is kept beside it (`work_folder`).
        overwrite: replace a composer that is there.
        workers: processes that read scores.
        advance: called after each file is read.
        tell: called with lines for people: files left out, the state at every pause, what is worth a warning.

    Raises:
        DatasetError, ModelError, OutputError, UsageError, MissingExtraError: see the message.
    """
    plan.check()
    check_out(out, (CARD,), overwrite=overwrite)
    say = tell or (lambda _: None)
    sources = find_sources(folder)
    work = work_folder(out)
    corpus, left_out = prepare_corpus(sources, work, workers=workers, advance=advance)
    for line in left_out:
        say(line)
    held = hold_out(corpus)
    learnt = corpus.part("train")
    genres = tuple(sorted({p.controls.genre for p in corpus.pieces if p.controls.genre}))
    if not held:
        say(f"{len(learnt)} piece(s) that belong together: none can be held out, so nothing tells when to stop")
    tokens = sum(len(corpus.body(p)) for p in learnt)
    plan = replace(plan, steps=plan.steps or default_steps(tokens, plan), rate=plan.rate or RATES[plan.model])
    settings = asdict(plan) | {"corpus": digest_of(sources)}
    name = hashlib.sha256(json.dumps(settings | {"int8": None}, sort_keys=True).encode()).hexdigest()[:12]
    checkpoint = work / f"run-{name}.safetensors"

    from sideman.compose.models import training_run

    index = index_of(corpus, learnt)
    network, how = training_run.learn_composer(corpus, plan, genres, held, index, checkpoint=checkpoint, tell=say)
    payload = training_run.payload(network, int8=plan.int8)
    facts = {
        "name": out.name,
        "model": f"{plan.model} {plan.size}",
        **network.facts(),
        "weights": "int8" if plan.int8 else "float32",
        "seed": plan.seed,
        "training": how,
        "trained_on": {"pieces": len(learnt), "held_out": len(held), "tokens": tokens, "left_out": left_out},
        "licence": "that of the music learnt from",
    }
    with atomic_folder(out, overwrite=overwrite) as target:
        card = write_composer(
            target / "composer", payload, corpus, learnt, held,
            genre_tokens=genres, context=plan.context, fewest=1, facts=facts,
        )  # fmt: skip
    training_run.clear(checkpoint)
    return card
