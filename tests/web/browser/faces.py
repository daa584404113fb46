"""Faces for a fake camera, drawn from shaded shapes: photographs of nobody, yet a detector taught on photographs finds
them, and an expression network reads their looks.

    write_y4m(path, [face(SAD)])
"""

from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 320, 240
_SKIN, _HAIR, _LIPS, _LASH = (226, 172, 145), (50, 36, 27), (172, 88, 84), (40, 26, 20)


@dataclass(frozen=True)
class Look:
    """What a face does.

    Attributes:
        smile: corners of the mouth, -1 (down) to 1.5 (up).
        gap: how far the mouth is open, 0 to 1.
        width: of the mouth; 1 is usual.
        teeth: whether they are seen where the mouth is open.
        brow: brows, -1 (down) to 1 (up).
        frown: inner ends of the brows, -1 (up, sorry) to 1 (down, cross).
        eyes: opening, 0 to 1.
    """

    smile: float = 0.0
    gap: float = 0.0
    width: float = 1.0
    teeth: bool = False
    brow: float = 0.0
    frown: float = 0.0
    eyes: float = 0.5


NEUTRAL = Look()
HAPPY = Look(smile=1.4, gap=0.35, width=1.25, teeth=True, brow=-0.1, frown=0.15, eyes=0.05)
SAD = Look(smile=-0.9, frown=-1, eyes=0.25, brow=0.2)
SURPRISED = Look(gap=1.0, width=0.75, brow=1.0, eyes=1.0)
ANGRY = Look(smile=-0.5, frown=1, brow=-0.7, eyes=0.45)


def room(*, light=1.0, seed=1):
    """The same place without anybody: uint8 (240, 320, 3); ``light`` 1 by day, 0 by night."""
    return _developed(_wall(*_plane(1, 0.5, 0.5)[2:]) * light, seed)


def face(look, *, size=0.4, across=0.5, light=1.0, seed=1):
    """A picture of one face: uint8 (240, 320, 3).

    Args:
        look: what it does.
        size: half of its height as a part of the picture's.
        across: where its middle is, 0 (left) to 1.
        light: 1 by day, 0 by night.
        seed: of the camera's noise.
    """
    x, y, px, py = _plane(size, across, 0.5)
    picture = _Picture(_wall(px, py))
    _body(picture, x, y)
    _head(picture, x, y, size, look)
    for side in (-1, 1):
        _eye(picture, x, y, side, look)
        _brow(picture, x, y, side, look)
    _nose(picture, x, y)
    _mouth(picture, x, y, look)
    return _developed(picture.colours * light, seed)


def write_y4m(path, pictures, *, per_second=5):
    """Write pictures as the film of a fake camera, which shows it again and again."""
    height, width, _ = pictures[0].shape
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F{per_second}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            red, green, blue = np.moveaxis(picture.astype(float), -1, 0)
            luma = 0.299 * red + 0.587 * green + 0.114 * blue
            film.write(b"FRAME\n" + _bytes(luma))
            for colour, weight in ((blue, 0.564), (red, 0.713)):
                chroma = 128 + weight * (colour - luma)
                film.write(_bytes(chroma.reshape(height // 2, 2, width // 2, 2).mean((1, 3))))
    return path


def _bytes(values):
    return values.round().clip(0, 255).astype(np.uint8).tobytes()


class _Picture:
    def __init__(self, colours):
        self.colours = colours

    def paint(self, mask, colour):
        self.colours += (np.asarray(colour, float) - self.colours) * np.clip(mask, 0, 1)[..., None]


def _plane(size, across, down):
    """Coordinates of the face (its height is -1 to 1) and of the picture (0 to 1)."""
    py, px = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    unit = size * HEIGHT
    return (px - across * WIDTH) / unit, (py - down * HEIGHT) / unit, px / WIDTH, py / HEIGHT


def _wall(px, py):
    return np.array([150.0, 158.0, 165.0]) - 40 * (py + np.abs(px - 0.3))[..., None]


def _developed(colours, seed):
    noise = np.random.default_rng(seed).normal(0, 2.0, colours.shape)
    return (colours + noise).clip(0, 255).astype(np.uint8)


def _step(values, sharp):
    """0 where negative, 1 where positive, soft between."""
    return 1 / (1 + np.exp(-np.clip(values * sharp, -50, 50)))


def _oval(x, y, cx, cy, rx, ry, sharp=13.0):
    return _step(1 - np.hypot((x - cx) / rx, (y - cy) / ry), sharp)


def _hill(x, y, cx, cy, sx, sy):
    return np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)


def _body(picture, x, y):
    picture.paint(_oval(x, y, 0, 2.15, 1.55, 0.95, 40), (60, 72, 100))
    picture.paint(_oval(x, y, 0, 1.05, 0.42, 0.62, 33), (150, 108, 88))
    picture.paint(_oval(x, y, 0, -0.18, 0.86, 0.98, 40), _HAIR)
    for side in (-1, 1):
        picture.paint(_oval(x, y, side * 0.74, 0.08, 0.12, 0.22, 20), (188, 138, 115))


def _head(picture, x, y, size, look):
    """A head as a relief, lit from the upper left."""
    jaw = 0.72 - 0.16 * np.clip(y, 0, 1.2) ** 1.6
    away = np.hypot(x / jaw, (y - 0.02) / 0.96)
    inside = _step(1 - away, 45)
    relief = 0.75 * np.sqrt(1.02 - np.clip(away, 0, 1) ** 2)
    relief += 0.20 * _hill(x, y, 0, 0.22, 0.13, 0.13) + 0.12 * _hill(x, y, 0, 0.02, 0.09, 0.28)
    relief += 0.05 * _hill(x, y, 0, 0.80, 0.2, 0.12) + 0.045 * _hill(x, y, 0, 0.52, 0.30, 0.13)
    for side in (-1, 1):
        relief += 0.05 * _hill(x, y, side * 0.10, 0.26, 0.07, 0.06)
        relief -= 0.10 * _hill(x, y, side * 0.30, -0.10, 0.19, 0.12)
        relief += (0.05 + 0.05 * max(look.smile, 0)) * _hill(x, y, side * 0.42, 0.25 - 0.04 * look.smile, 0.2, 0.18)
        relief += 0.05 * _hill(x, y, side * 0.28, -0.30 - 0.05 * look.brow, 0.22, 0.07)
    slope_y, slope_x = np.gradient(relief, 1 / (size * HEIGHT))
    normal = np.stack([-slope_x, -slope_y, np.ones_like(relief)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp, shine = np.array([-0.315, -0.495, 0.810]), np.array([-0.2, -0.35, 0.92])
    lit = 0.38 + 0.68 * np.clip(normal @ lamp, 0, 1)
    skin = _Picture(np.array(_SKIN, float) * lit[..., None] + 22 * (np.clip(normal @ shine, 0, 1) ** 24)[..., None])
    for side in (-1, 1):
        skin.paint(0.25 * _hill(x, y, side * 0.42, 0.28, 0.2, 0.16), (214, 120, 105))
    picture.paint(inside, skin.colours)
    picture.paint(inside * _step(-0.62 - 0.10 * np.cos(3 * x) - y, 30), _HAIR)
    for side in (-1, 1):  # folds from nose to mouth
        fold = side * (0.19 + 0.18 * np.clip((y - 0.28) / 0.3, 0, 1) + 0.05 * max(look.smile, 0))
        strength = 0.18 + 0.45 * max(look.smile, 0)
        picture.paint(strength * np.exp(-(((x - fold) / 0.022) ** 2) - ((y - 0.42) / 0.14) ** 2), (140, 88, 70))
        if look.frown > 0.2:
            picture.paint(0.5 * look.frown * _hill(x, y, side * 0.045, -0.24, 0.014, 0.08), (120, 76, 62))


def _eye(picture, x, y, side, look):
    cx, cy = side * 0.30, -0.09
    across = (x - cx) / 0.165
    arch = np.sqrt(np.clip(1 - across**2, 0, 1))
    upper, lower = cy - 0.105 * (0.25 + 1.1 * look.eyes) * arch, cy + 0.055 * (0.5 + 0.5 * look.eyes) * arch
    within = np.abs(across) < 1
    ball = _step(y - upper, 90) * _step(lower - y, 90) * within
    picture.paint(0.35 * _hill(x, y, cx, cy - 0.09, 0.2, 0.07), (120, 76, 60))
    picture.paint(ball, (232, 226, 222))
    picture.paint(ball * _oval(x, y, cx, cy - 0.02, 0.078, 0.078, 17), (84, 58, 38))
    picture.paint(ball * _oval(x, y, cx, cy - 0.02, 0.036, 0.036), (14, 10, 8))
    picture.paint(0.9 * ball * _oval(x, y, cx - 0.025, cy - 0.05, 0.014, 0.014, 7), (255, 255, 255))
    picture.paint(0.85 * np.exp(-(((y - upper) / 0.022) ** 2)) * within, _LASH)
    picture.paint(0.35 * np.exp(-(((y - lower) / 0.016) ** 2)) * within, (90, 56, 46))
    picture.paint(0.35 * np.exp(-(((y - upper + 0.05) / 0.014) ** 2)) * (np.abs(across) < 0.95), (110, 70, 56))


def _brow(picture, x, y, side, look):
    along = np.clip((side * x - 0.305) / 0.195, -1, 1)  # -1 at the nose, 1 at the temple
    beyond = np.maximum(np.abs(side * x - 0.305) - 0.195, 0)
    line = -0.31 - 0.09 * look.brow - 0.05 * (1 - along**2) + 0.03 * along
    line += look.frown * (0.065 * (1 - along) - 0.02)
    thick = 0.042 * (1 - 0.48 * along**2)
    picture.paint(0.85 * np.exp(-(((y - line) / thick) ** 4) - (beyond / 0.02) ** 2), (58, 40, 30))


def _nose(picture, x, y):
    for side in (-1, 1):
        picture.paint(0.75 * _oval(x, y, side * 0.075, 0.305, 0.042, 0.022, 8), (82, 44, 36))
        picture.paint(0.30 * _hill(x, y, side * 0.155, 0.265, 0.028, 0.06), (130, 80, 64))
    picture.paint(0.30 * _hill(x, y, 0, 0.345, 0.13, 0.022), (120, 74, 60))


def _mouth(picture, x, y, look):
    half = look.width * (0.27 + 0.09 * max(look.smile, 0) - 0.08 * look.gap * (look.smile < 0.3))
    across = np.clip(x / half, -1.3, 1.3)
    arch = np.sqrt(np.clip(1 - across**2, 0, 1))
    middle = 0.52 - 0.11 * look.smile * (across**2 - 0.45)
    gap = 0.24 * look.gap * arch
    top, bottom = middle - 0.3 * gap, middle + 0.7 * gap
    within = _step(half - np.abs(x), 80)
    upper = top - 0.062 * arch * (1 - 0.25 * np.exp(-((x / 0.05) ** 2)))
    lips = _step(y - upper, 110) * _step(bottom + 0.085 * arch - y, 110) * within
    picture.paint(0.9 * lips, _LIPS)
    picture.paint(0.4 * lips * np.exp(-((x / 0.15) ** 2) - ((y - bottom - 0.04) / 0.02) ** 2), (226, 150, 140))
    if look.gap > 0.02:
        hollow = _step(y - top, 120) * _step(bottom - y, 120) * within
        picture.paint(hollow, (46, 16, 18))
        if look.teeth:
            picture.paint(0.95 * hollow * _step(top + np.minimum(gap, 0.11) - y, 120), (238, 232, 222))
    else:
        picture.paint(0.85 * np.exp(-(((y - middle) / 0.014) ** 2)) * within, (84, 32, 34))
    for side in (-1, 1):
        picture.paint(0.45 * _hill(x, y, side * half, 0.52 - 0.06 * look.smile, 0.04, 0.035), (120, 66, 56))
    picture.paint(0.25 * _hill(x, y, 0, 0.68 + 0.17 * look.gap, 0.16, 0.025), (140, 88, 70))
