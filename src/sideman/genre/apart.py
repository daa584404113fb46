"""What a split really kept apart, counted: a protocol's promise is one thing, the recordings another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sideman.datasets.track import restrict
from sideman.genre.material import Material
from sideman.genre.protocols import KINDS_OF, LOOSE, Partition, Protocol

Level = Literal["leaky", "partly", "apart"]
_WORDS = {
    "recording": "segments of one recording",
    "repetition": "repetitions of a recording",
    "near-duplicate": "near-duplicates",
    "artist": "recordings of one artist",
    "credit": "guest appearances",
    "unnamed": "recordings of unknown artists, per genre",
    "group": "declared groups",
    "piece": "recordings of one piece",
}


@dataclass(frozen=True)
class Tie:
    """One kind of tie between recordings, and whether it was cut.

    Attributes:
        kind: "recording", or a relation's kind.
        known: sets of recordings that are tied so (for "recording": recordings of several segments).
        cut: sets with members on the training and on the test side of some partition.
        tested: test recordings with kin (or, for "recording", segments of their own) on their training side.
    """

    kind: str
    known: int
    cut: int
    tested: int

    @property
    def words(self) -> str:
        """The kind in words."""
        return _WORDS.get(self.kind, self.kind)


@dataclass(frozen=True)
class Apart:
    """What was kept apart: ``tracks`` recordings in all, ``named`` of them with a known artist."""

    tracks: int
    named: int
    ties: tuple[Tie, ...]

    def level(self, protocol: Protocol) -> Level:
        """How far the figures can be believed: "apart" where the protocol keeps artists apart and any are known."""
        if protocol.leaky or self._tie("recording").cut:
            return "leaky"
        return "apart" if "artist" in protocol.keeps and self.named else "partly"

    def headline(self, protocol: Protocol) -> str:
        """Say :meth:`level` in a few words."""
        level = self.level(protocol)
        if level == "leaky":
            return f"Leaky protocol ({protocol.name}): these figures flatter"
        if level == "apart":
            return "Recordings, artists and known repetitions are kept apart"
        if "track" not in protocol.keeps:
            return "A trained model as it is: nothing was kept apart here"
        return "Recordings are kept apart, artists are not" + (" all" if "artist" in self._whole() else "")

    def _whole(self) -> set[str]:
        return {tie.kind for tie in self.ties if tie.known and not tie.cut}

    def sentences(self, protocol: Protocol) -> tuple[str, ...]:
        """Say in words what was kept apart and what was not, the most telling first."""
        said = []
        segments = self._tie("recording")
        if protocol.leaky and not segments.known:
            said.append("Every recording is one row here, so nothing leaks from segment to segment.")
        elif segments.cut:
            said.append(
                f"LEAKY: {segments.tested} of {self.tracks} recordings are tested on segments whose neighbours were "
                "trained on. The figures say how well recordings are known again, not how well genres are."
            )
        elif "track" in protocol.keeps:
            said.append("Kept apart: recordings, each with all its segments on one side.")
        whole = [tie for tie in self.ties if tie.kind != "recording" and tie.known and not tie.cut]
        if whole and not segments.cut:
            said.append(f"Also kept apart: {', '.join(f'{tie.words} ({_sets(tie.known)})' for tie in whole)}.")
        cut = [tie for tie in self.ties if tie.kind != "recording" and tie.cut]
        if cut:
            listed = ", ".join(f"{tie.words} ({tie.cut} of {_sets(tie.known)})" for tie in cut)
            said.append(f"NOT kept apart: {listed}.")
        if not self.named:
            said.append("Artists are not known here: one artist may be in training and test at once.")
        elif self.named < self.tracks and not self._tie("unnamed").known:
            said.append(f"The artist of {self.tracks - self.named} of {self.tracks} recordings is unknown.")
        said.append(protocol.caution)
        return tuple(said)

    def _tie(self, kind: str) -> Tie:
        return next((tie for tie in self.ties if tie.kind == kind), Tie(kind, 0, 0, 0))


def _sets(count: int) -> str:
    return f"{count} set{'' if count == 1 else 's'}"


def measure(material: Material, made: Sequence[Partition]) -> Apart:
    """Count what partitions cut. Training counts with its validation rows, which also shape a model."""
    n = len(material.tracks)
    place = {track.track_id: number for number, track in enumerate(material.tracks)}
    relations = restrict(material.relations, place)
    members = [np.array([place[member] for member in relation.members]) for relation in relations]
    cut = np.zeros(len(relations), bool)
    leaks: dict[str, set[int]] = {}
    split = np.zeros(n, bool)
    for partition in made:
        tested, learnt = np.zeros(n, bool), np.zeros(n, bool)
        tested[material.track_of[partition.test]] = True
        for rows in (partition.train, partition.valid):
            learnt[material.track_of[rows]] = True
        split |= tested & learnt
        for number, (relation, ids) in enumerate(zip(relations, members, strict=True)):
            others = learnt[ids].sum() - learnt[ids]  # members in training beside each one
            kin = ids[tested[ids] & (others > 0)]
            if len(kin):
                cut[number] = True
                leaks.setdefault(relation.kind, set()).update(kin.tolist())
    several = int((np.bincount(material.track_of, minlength=n) > 1).sum())
    ties = [Tie("recording", several, int(split.sum()), int(split.sum()))]
    for kind in (*KINDS_OF["repetition"], *KINDS_OF["artist"], *LOOSE):
        numbers = [i for i, relation in enumerate(relations) if relation.kind == kind]
        if numbers:
            ties.append(Tie(kind, len(numbers), int(cut[numbers].sum()), len(leaks.get(kind, ()))))
    named = sum(1 for track in material.tracks if track.artist)
    return Apart(n, named, tuple(ties))
