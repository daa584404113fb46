"""Learnt fields in use: kept in the library, opened, asked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sqlalchemy import select

from sideman.core.errors import LibraryError
from sideman.library import tracks as collection
from sideman.library.learn.logistic import Weights
from sideman.library.schema import analyses, learned
from sideman.library.store import Store
from sideman.library.track import Track

if TYPE_CHECKING:
    from sideman.library.learn.fit import Outcome

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Learned:
    """A classifier of one field.

    Attributes:
        field: the tag whose values it names.
        model: sha256 of the network whose embeddings it reads.
        labels: what it can say.
        several: a recording may have several labels: probabilities are independent and need not sum to 1.
        weights: of the linear classifier.
        temperature, offset: of the calibration, a number and (labels,).
        threshold: probability 0..1 of the likeliest label below which it is unsure.
        card: what is known of it.
    """

    field: str
    model: str
    labels: tuple[str, ...]
    several: bool
    weights: Weights = attribute(repr=False)
    temperature: float
    offset: Floats = attribute(repr=False)
    threshold: float
    card: dict[str, Any] = attribute(repr=False)

    def calibrated(self, scores: Floats) -> Floats:
        """Probabilities of raw scores, (n, labels)."""
        scaled = scores / self.temperature + self.offset
        return np.asarray(expit(scaled) if self.several else softmax(scaled, axis=1))

    def predict(self, vectors: NDArray[np.floating]) -> tuple[list[str], Floats, NDArray[np.bool_]]:
        """Name recordings by their embeddings (n, 256).

        Returns:
            The likeliest label of each, probabilities (n, labels), and whether each answer is unsure (n,).
        """
        probabilities = self.calibrated(self.weights.scores(vectors))
        top = probabilities.argmax(1)
        return [self.labels[i] for i in top], probabilities, probabilities.max(1) < self.threshold

    def names(self, vector: NDArray[np.floating]) -> list[tuple[str, float]]:
        """Labels of one recording (256,) with their probabilities, likeliest first."""
        return self._ranked(self.predict(vector[None])[1][0])

    def _ranked(self, probabilities: Floats) -> list[tuple[str, float]]:
        order = np.argsort(-probabilities, kind="stable")
        return [(self.labels[i], float(probabilities[i])) for i in order]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All numbers, as they are kept."""
        return {
            "mean": self.weights.mean,
            "scale": self.weights.scale,
            "coefficients": self.weights.coefficients,
            "bias": self.weights.bias,
            "offset": self.offset,
            "numbers": np.array([self.temperature, self.threshold, float(self.several)]),
            "labels": np.array(self.labels, np.str_),
        }


def current_model(store: Store) -> str | None:
    """sha256 of the network that the newest analysis used; None where nothing was analysed."""
    asked = select(analyses.c.model).where((analyses.c.state == "done") & analyses.c.model.is_not(None))
    with store.read() as connection:
        found = connection.execute(asked.order_by(analyses.c.analysed_at.desc()).limit(1)).scalar()
    return None if found is None else str(found)


def keep(store: Store, outcome: Outcome) -> None:
    """Put a classifier into the library in the place of an older one of its field; all or nothing."""
    made = outcome.learned
    with store.write() as connection:
        connection.execute(learned.delete().where(learned.c.field == made.field))
        row = {"field": made.field, "model": made.model, "made_at": outcome.made_at, "card": made.card}
        connection.execute(learned.insert(), [{**row, "weights": outcome.weights()}])


def cards(store: Store) -> list[dict[str, Any]]:
    """Cards of all learnt fields, by name."""
    with store.read() as connection:
        return [row.card for row in connection.execute(select(learned.c.card).order_by(learned.c.field))]


def remove(store: Store, name: str) -> bool:
    """Forget a learnt field; False where there is none such."""
    with store.write() as connection:
        return bool(connection.execute(learned.delete().where(learned.c.field == name)).rowcount)


def open_learned(store: Store, name: str, *, model: str | None = None) -> Learned | None:
    """The classifier of a field; None where none was learnt.

    Args:
        store: the library.
        name: the field.
        model: sha256 of the network whose embeddings will be asked about; None for that of the newest analysis.

    Raises:
        LibraryError: it reads the embeddings of another network, or is damaged; `sideman learn` makes it anew.
    """
    with store.read() as connection:
        row = connection.execute(select(learned).where(learned.c.field == name)).first()
    if row is None:
        return None
    wanted = model or current_model(store)
    remedy = f"'sideman learn --from-tags --field {name}' makes it anew"
    if wanted is not None and row.model != wanted:
        raise LibraryError(
            f"{name}: was learnt on the embeddings of another network ({row.model[:12]}, now {wanted[:12]}); {remedy}"
        )
    try:
        with np.load(io.BytesIO(row.weights), allow_pickle=False) as file:
            return _opened(row.field, row.model, row.card, {key: file[key] for key in file.files})
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise LibraryError(f"{name}: what was learnt is damaged ({error}); {remedy}") from error


def names_for(
    store: Store, name: str, embedding: NDArray[np.floating], *, model: str | None = None
) -> list[tuple[str, float]]:
    """Labels of one embedding (256,) with their probabilities, likeliest first.

    Raises:
        LibraryError: the field was not learnt, or as :func:`open_learned`.
    """
    return required(store, name, model=model).names(embedding)


def predict_tracks(store: Store, name: str, tracks: Iterable[Track]) -> dict[str, list[tuple[str, float]]]:
    """Labels with their probabilities, likeliest first, by audio hash; tracks without a fitting embedding are left out.

    Raises:
        LibraryError: the field was not learnt, or as :func:`open_learned`.
    """
    found = required(store, name)
    with store.read() as connection:
        fitting = set(connection.scalars(select(analyses.c.audio_hash).where(analyses.c.model == found.model)))
    wanted = [track.audio_hash for track in tracks if track.audio_hash in fitting]
    hashes, vectors = collection.vectors(store, [h for h in wanted if h is not None])
    if not hashes:
        return {}
    probabilities = found.predict(vectors)[1]
    return {h: found._ranked(row) for h, row in zip(hashes, probabilities, strict=True)}


def required(store: Store, name: str, *, model: str | None = None) -> Learned:
    """As :func:`open_learned`; a field that was not learnt is a :class:`LibraryError`, which names those that were."""
    found = open_learned(store, name, model=model)
    if found is None:
        known = ", ".join(card["field"] for card in cards(store)) or "none"
        raise LibraryError(
            f"{name}: was not learnt (known: {known}); 'sideman learn --from-tags --field {name}' does it"
        )
    return found


def _opened(name: str, model: str, card: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Learned:
    labels = tuple(str(label) for label in arrays["labels"])
    n, d = len(labels), collection.VECTOR_N
    shapes = {"mean": (d,), "scale": (d,), "coefficients": (n, d), "bias": (n,), "offset": (n,), "numbers": (3,)}
    for key, shape in shapes.items():
        if arrays[key].shape != shape or arrays[key].dtype != np.float64 or not np.isfinite(arrays[key]).all():
            raise ValueError(f"{key} is not {shape} finite numbers")
    temperature, threshold, several = (float(value) for value in arrays["numbers"])
    weights = Weights(arrays["mean"], arrays["scale"], arrays["coefficients"], arrays["bias"])
    return Learned(name, model, labels, bool(several), weights, temperature, arrays["offset"], threshold, card)
