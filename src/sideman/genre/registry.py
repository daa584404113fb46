"""Every model of the lab: its name, where it comes from, what it hears, and the figures its source states."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast

from sideman.core.errors import MissingExtraError, UsageError
from sideman.genre.inputs import Input
from sideman.training.task import Model

Family = Literal["table", "network", "transfer", "ensemble", "clusters"]
WHOLE = Input("table", None)
WHOLE_WITH_LENGTH = Input("table", None, length=True)
ROWS_3S = Input("table", 3.0, length=True)
MFCC_3S = Input("mfcc", 3.0)
MEL_2S = Input("mel", 2.0, level=True)
STFT_2S = Input("stft", 2.0, level=True)
WINDOWS = Input("windows", 2.0)
SAMPLES_2S = Input("samples", 2.0, level=True)


@dataclass(frozen=True)
class Documented:
    """What a source states of its model: input shape, trainable parameters as it counts them, accuracy and protocol."""

    shape: tuple[int, ...] | None = None
    parameters: int | None = None
    counting: str = ""
    accuracy: float | None = None
    protocol: str = ""


@dataclass(frozen=True)
class ModelSpec:
    """A model of the lab.

    Attributes:
        name: as given to ``--model``.
        title: what it is, in a few words.
        source: paper or project.
        family: which kind of training it needs.
        input: what it hears by default.
        module: where ``Settings``, ``SPACE`` and ``fit`` are.
        documented: what its source states.
        preset: settings that differ from the module's defaults.
    """

    name: str
    title: str
    source: str
    family: Family
    input: Input
    module: str
    documented: Documented = Documented()
    preset: tuple[tuple[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        known = self.documented
        shape = None if known.shape is None else list(known.shape)
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "family": self.family,
            "input": self.input.as_dict(),
            "shape": list(self.input.shape),
            "documented": {
                "shape": shape,
                "parameters": known.parameters,
                "counting": known.counting,
                "accuracy": known.accuracy,
                "protocol": known.protocol,
            },
        }

    def load(self) -> Model:
        """Import the model; raises :class:`MissingExtraError` without the extra ``train``."""
        if importlib.util.find_spec("sklearn") is None:
            raise MissingExtraError(f"the model '{self.name}'", "train")
        if self.family in {"network", "transfer"} and importlib.util.find_spec("torch") is None:
            raise MissingExtraError(f"the model '{self.name}'", "train")
        return cast(Model, importlib.import_module(f"sideman.genre.models.{self.module}"))

    def settings(self, changes: dict[str, str] | None = None) -> Any:
        """Settings with ``changes`` given as text, such as ``{"epochs": "5"}``.

        Raises:
            UsageError: an unknown name, or a value of another kind.
        """
        settings = replace(self.load().Settings(), **dict(self.preset))
        known = {field.name: getattr(settings, field.name) for field in fields(settings)}
        read = {}
        for name, text in (changes or {}).items():
            if name not in known:
                raise UsageError(f"{self.name} has no setting '{name}'; it has {', '.join(known) or 'none'}")
            read[name] = _parsed(f"{self.name}: setting '{name}'", text, known[name])
        return replace(settings, **read)


def _parsed(what: str, text: str, like: Any) -> Any:
    try:
        if isinstance(like, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        if isinstance(like, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return type(like)(text)
    except (KeyError, ValueError):
        raise UsageError(f"{what} must be like {like!r}, not {text!r}") from None


_GTZAN_REPOSITORY = "Keras models for GTZAN over 13 MFCC x 130 frames, widely copied tutorial repository"
_DECK = "slide deck on the 58-column table of 3 s segments"
_SPECS = (
    ModelSpec("knn", "k nearest neighbours", "Cover, Hart 1967", "table", WHOLE, "knn"),
    ModelSpec("svm", "support vector machine, RBF kernel", "Cortes, Vapnik 1995", "table", WHOLE, "svm"),
    ModelSpec("logistic", "multinomial logistic regression", "Cox 1958", "table", WHOLE, "logistic"),
    ModelSpec("forest", "random forest", "Breiman 2001", "table", WHOLE, "forest"),
    ModelSpec("boosting", "gradient-boosted trees", "Friedman 2001; Ke et al. 2017", "table", WHOLE, "boosting"),
    ModelSpec("kmeans", "clusters, named after their commonest genre", "MacQueen 1967", "clusters", WHOLE, "kmeans"),
    ModelSpec("blend", "derived columns, kernel densities and an SVM, averaged", "Sideman", "table", WHOLE, "blend"),
    ModelSpec(
        "mlp-58", "five dense layers on the table", _DECK, "network", ROWS_3S, "mlp58",
        Documented((58,), 205_098, "computed from its layer list", 0.92, "segments-random"),
    ),
    ModelSpec(
        "lstm-58", "two LSTM layers over 50 neighbouring table rows", _DECK, "network",
        replace(ROWS_3S, context=50), "lstm58",
        Documented((50, 58), 69_322, "Keras: one bias per LSTM gate", 0.80, "segments-random, windows over files"),
    ),
    ModelSpec(
        "ann-mfcc", "dense layers on the flattened MFCC", _GTZAN_REPOSITORY, "network", MFCC_3S, "ann_mfcc",
        Documented((130, 13), 1_014_218, "all trainable", None, "segments-random"),
    ),
    ModelSpec(
        "cnn-mfcc", "three convolution blocks on the MFCC", _GTZAN_REPOSITORY, "network", MFCC_3S, "cnn_mfcc",
        Documented((130, 13), 45_514, "Keras: with 192 moving statistics of batch norm", None, "segments-random"),
    ),
    ModelSpec(
        "lstm-mfcc", "two LSTM layers on the MFCC", _GTZAN_REPOSITORY, "network", MFCC_3S, "lstm_mfcc",
        Documented((130, 13), 57_802, "Keras: one bias per LSTM gate", None, "segments-random"),
    ),
    ModelSpec(
        "cnn-mel", "two convolutions and three dense layers on a mel picture", "project report, 200 tracks",
        "network", MEL_2S, "cnn_mel", Documented(None, None, "feature map 16 x 23 x 35", 0.705, "holdout"),
    ),
    ModelSpec(
        "prcnn", "parallel CNN and bidirectional GRU over the STFT", "Feng, Liu, Yao 2017 (arXiv:1712.08370)",
        "network", STFT_2S, "prcnn", Documented((513, 128), None, "", 0.92, "segments-random"),
    ),
    ModelSpec(
        "crnn", "convolutions, then GRU, over log-mel", "Choi et al. 2017 (arXiv:1609.04243)", "network", WINDOWS,
        "crnn",
    ),
    ModelSpec(
        "gru-mel", "bidirectional GRU with attention over log-mel, SpecAugment, mixup", "Cho et al. 2014", "network",
        WINDOWS, "gru_mel",
    ),
    ModelSpec(
        "resnet-mel", "small residual network over log-mel, SpecAugment, mixup", "He et al. 2016", "network",
        WINDOWS, "resnet_mel",
    ),
    ModelSpec(
        "transformer-mel", "small audio transformer over log-mel patches", "Gong et al. 2021 (arXiv:2104.01778)",
        "network", WINDOWS, "transformer_mel",
    ),
    ModelSpec(
        "transfer", "a pretrained network: linear probe, then fine-tuning", "Yosinski et al. 2014", "transfer",
        WINDOWS, "transfer",
    ),
    ModelSpec(
        "transfer-mn04", "EfficientAT mn04 (weights by setting, never shipped): linear probe, then fine-tuning",
        "Schmid, Koutini, Widmer 2023 (arXiv:2211.04772)", "transfer", SAMPLES_2S, "transfer",
        preset=(("backbone", "mn04"),),
    ),
    ModelSpec(
        "transfer-musicnn", "MSD-musicnn (weights by setting, never shipped): linear probe, then fine-tuning",
        "Pons, Serra 2019 (arXiv:1909.06654)", "transfer", SAMPLES_2S, "transfer",
        preset=(("backbone", "musicnn"),),
    ),
    ModelSpec(
        "ensemble", "soft vote or stacking over other models", "Wolpert 1992", "ensemble", WHOLE, "ensemble",
    ),
)  # fmt: skip
_BY_NAME = {spec.name: spec for spec in _SPECS}


def list_models() -> tuple[ModelSpec, ...]:
    """Return all models, in the order in which ``sideman lab models`` lists them."""
    return _SPECS


def get_model(name: str) -> ModelSpec:
    """Return a model by name; raises :class:`UsageError` with the names that there are."""
    if name not in _BY_NAME:
        raise UsageError(f"no model '{name}'; there is {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
