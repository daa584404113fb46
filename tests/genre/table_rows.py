"""Small tables with known classes, for the tests of the table models."""

import numpy as np

from sideman.training.task import Examples, Task


def rows(n_classes=4, tracks=6, rows_per_track=1, columns=5, seed=0, spread=0.6):
    """Examples of ``tracks`` recordings per class, scattered around one centre per class."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(n_classes, columns)) * 2
    y = np.repeat(np.arange(n_classes), tracks * rows_per_track)
    x = centres[y] + spread * rng.normal(size=(len(y), columns))
    return Examples(x.astype(np.float32), y, np.arange(len(y)) // rows_per_track)


def like_features(n_classes=3, tracks=8, seed=0):
    """Examples with the 57 columns of the feature table: positive where those are, of like size."""
    from sideman.audio.descriptors import DESCRIPTOR_COLUMNS

    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_classes), tracks)
    x = np.zeros((len(y), len(DESCRIPTOR_COLUMNS) - 1))
    for column, name in enumerate(DESCRIPTOR_COLUMNS[1:]):
        noise = rng.normal(size=len(y)) + (y * (column % 3) - y.mean())
        if name in {"harmony_mean", "perceptr_mean"}:
            x[:, column] = noise * 1e-4
        elif name == "tempo":
            x[:, column] = 110 * np.exp(0.2 * noise)
        elif name.startswith("chroma_stft"):
            x[:, column] = 0.4 / (1 + np.exp(-noise)) + 0.1
        elif name.startswith("mfcc") and name.endswith("_mean"):
            x[:, column] = 20 * noise
        else:
            x[:, column] = np.exp(noise)
    return Examples(x.astype(np.float32), y, np.arange(len(y)))


def task(examples, n_classes=None, seed=0):
    """Task without validation rows."""
    return Task(examples, None, n_classes or int(examples.y.max()) + 1, seed)
