"""What one recording may cost, and the refusals when it would cost more."""

from __future__ import annotations

from dataclasses import dataclass

from sideman.core.errors import AudioError


@dataclass(frozen=True)
class Limits:
    """What one recording may cost. Lengths count what is decoded, not what a header says.

    Where ``start_s`` can only be reached by decoding (Vorbis, FFmpeg's formats), that counts too.

    ``max_duration_s``: seconds decoded. ``max_decoded_samples``: frames times channels decoded (the work).
    ``max_loaded_samples``: mono samples that :func:`load` may return at once (the memory, 4 bytes each).
    """

    max_duration_s: float = 24 * 3600.0
    max_channels: int = 64
    max_sample_rate_hz: int = 768_000
    min_sample_rate_hz: int = 1_000
    max_decoded_samples: int = 20_000_000_000
    max_loaded_samples: int = 400_000_000


DEFAULT_LIMITS = Limits()
"""For a user's own files: 24 hours, 64 channels, 768 kHz; ``load`` returns up to 5 hours at 22,050 Hz."""

SERVER_LIMITS = Limits(
    max_duration_s=1800.0,
    max_channels=8,
    max_sample_rate_hz=192_000,
    max_decoded_samples=700_000_000,
    max_loaded_samples=100_000_000,
)
"""For files from strangers: 30 minutes, 8 channels, 192 kHz, a few seconds of decoding."""


def check_length(frames_n: int, rate_hz: int, channels: int, name: str, limits: Limits, what: str) -> None:
    """Refuse (AudioError) more frames of ``channels`` samples than the limits allow; ``what`` says who counted."""
    seconds = frames_n / rate_hz
    if seconds > limits.max_duration_s:
        said = f"{what} {length_text(seconds)}, "
        raise AudioError(
            f"{name}: {said}longer than the limit of {length_text(limits.max_duration_s)}; "
            "read a part with start_s and duration_s, or raise Limits.max_duration_s"
        )
    if frames_n * channels > limits.max_decoded_samples:
        raise AudioError(
            f"{name}: {what} {frames_n * channels:,} samples, more than the limit of "
            f"{limits.max_decoded_samples:,}; read a part with start_s and duration_s, "
            "or raise Limits.max_decoded_samples"
        )


def too_large(name: str, limits: Limits) -> AudioError:
    """Return the error of a recording that is too long to be loaded at once."""
    return AudioError(
        f"{name}: more than the {limits.max_loaded_samples:,} samples that may be loaded at once; "
        "use stream(), read a part with duration_s, or raise Limits.max_loaded_samples"
    )


def length_text(seconds: float) -> str:
    """Write a length in seconds or hours."""
    return f"{seconds / 3600:.4g} h" if seconds >= 3600 else f"{seconds:.4g} s"


def check_format(rate_hz: int, channels: int, name: str, limits: Limits) -> None:
    """Refuse (AudioError) a sample rate or a number of channels outside the limits."""
    if not 1 <= channels <= limits.max_channels:
        raise AudioError(f"{name}: {channels} channels, the limit is {limits.max_channels} (Limits.max_channels)")
    if not limits.min_sample_rate_hz <= rate_hz <= limits.max_sample_rate_hz:
        raise AudioError(
            f"{name}: a sample rate of {rate_hz} Hz, the limits are {limits.min_sample_rate_hz} to "
            f"{limits.max_sample_rate_hz} Hz (Limits.min_sample_rate_hz, Limits.max_sample_rate_hz)"
        )
