"""The exploration of a data set as one self-contained HTML page: nothing is fetched, charts are inline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from html import escape

import numpy as np

from sideman.datasets.charts import bars, box_plots, waveform
from sideman.datasets.clips import BANDWIDTH_DB, SILENCE_DBFS, Clip
from sideman.datasets.exploration import CLIPPED_NOTE, DC_NOTE, Exploration, typical
from sideman.datasets.pages import html_table, page, safe, side_by_side, tile_row
from sideman.datasets.pictures import Picture
from sideman.datasets.track import artist_key, printable

Pictures = Mapping[str, Picture]

_FEATURES = (
    ("rms_mean", "Level (RMS)", ""),
    ("spectral_centroid_mean", "Spectral centroid", "Hz"),
    ("spectral_bandwidth_mean", "Spectral bandwidth", "Hz"),
    ("rolloff_mean", "Spectral rolloff, 85 %", "Hz"),
    ("zero_crossing_rate_mean", "Zero-crossing rate", ""),
    ("chroma_stft_mean", "Chroma, mean (1 = noise-like)", ""),
    ("tempo", "Tempo", "bpm"),
    ("mfcc2_mean", "MFCC 2 (spectral tilt)", ""),
)


def choose_clips(found: Exploration, per_genre: int) -> dict[str, list[str]]:
    """Return, per genre, the ``per_genre`` tracks to be pictured: those nearest to the genre's median sound."""
    names: dict[str, list[str]] = {genre: [] for genre in found.dataset.genres}
    for track in found.dataset.tracks:
        if track.track_id in found.descriptors:
            names[track.genre].append(track.track_id)
    return {genre: typical(found.descriptors, sorted(ids), per_genre) for genre, ids in names.items()}


def render(found: Exploration, pictures: Pictures | None = None, *, title: str | None = None) -> str:
    """Return the page.

    Args:
        found: what :func:`sideman.datasets.exploration.explore` found.
        pictures: drawings by track id; tracks without one are not pictured.
        title: heading; by default the name of the data set's folder or file.
    """
    heading = title or printable(found.dataset.root.resolve().name or "Data set")
    sections: list[tuple[str, str, str]] = [
        ("balance", "Genres", _balance(found)),
        ("files", "Files", _files(found)),
        ("giveaways", "What gives a genre away without listening", _giveaways(found)),
        ("faults", "Faults of sound", _faults(found)),
        ("duplicates", "Near-duplicates", _duplicates(found)),
        ("outliers", "Outliers", _outliers(found)),
        ("features", "Features by genre", _features(found)),
        ("clips", "Typical clips", _clips(found, pictures or {})),
        ("exclude", "What to leave out, and why", _exclusions(found)),
    ]
    return page(heading, f"{heading}: data set report", "Data set report by Sideman", _tiles(found), sections)


def _tiles(found: Exploration) -> str:
    tracks = found.dataset.tracks
    minutes = sum(clip.duration_s for clip in found.clips.values()) / 60
    length = f"{minutes / 60:.1f} h" if minutes >= 120 else f"{minutes:.0f} min"
    artists = len({artist_key(track.artist) for track in tracks if track.artist})
    tiles = [
        (f"{len(tracks):,}", "tracks", False),
        (str(len(found.dataset.genres)), "genres", len(found.dataset.genres) < 2),
        (length, "of sound", False),
        (f"{artists:,}" if artists else "?", "named artists", artists == 0),
        (f"{len(found.failures):,}", "unreadable", bool(found.failures)),
        (f"{len(found.matches):,}", "near-duplicate pairs", bool(found.matches)),
        (f"{len(found.exclusions):,}", "to leave out", bool(found.exclusions)),
    ]
    return tile_row(tiles)


def _balance(found: Exploration) -> str:
    counts = found.dataset.counts()
    kept = Counter(track.genre for track in found.kept())
    artists: dict[str, set[str]] = {genre: set() for genre in counts}
    unnamed: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for track in found.dataset.tracks:
        if track.artist:
            artists[track.genre].add(artist_key(track.artist))
        else:
            unnamed[track.genre] += 1
        if track.track_id in found.clips:
            seconds[track.genre] += found.clips[track.track_id].duration_s  # type: ignore[assignment]
    rows = [
        (genre, n, kept[genre], f"{seconds[genre] / 60:.1f}", len(artists[genre]), unnamed[genre])
        for genre, n in counts.items()
    ]
    ratio = max(counts.values()) / min(counts.values())
    text = f"The largest genre has {ratio:.1f} times the tracks of the smallest." if len(counts) > 1 else ""
    advice = " Report balanced accuracy, and weigh the genres equally in training." if ratio >= 1.5 else ""
    table = html_table(("Genre", "Tracks", "Kept", "Minutes", "Artists", "No artist"), rows)
    return f"<p>{text}{advice}</p>{side_by_side(bars(counts, title='Tracks per genre'), table)}"


def _files(found: Exploration) -> str:
    if not found.clips:
        return "<p>No file could be read.</p>"
    genre_of = {track.track_id: track.genre for track in found.dataset.tracks}
    lengths = _by_genre(found, lambda clip: clip.duration_s)
    cutoffs = _by_genre(found, lambda clip: clip.cutoff_hz / 1000)
    kinds = Counter((c.container, c.codec, c.sample_rate_hz, c.channels) for c in found.clips.values())
    formats = [(*kind, n, len({genre_of[k] for k, c in found.clips.items() if _kind(c) == kind})) for kind, n in
               kinds.most_common()]  # fmt: skip
    summary = []
    for genre in found.dataset.genres:
        if lengths[genre]:
            quartiles = (f"{q:.1f}" for q in np.quantile(lengths[genre], [0, 0.25, 0.5, 0.75, 1]))
            summary.append((genre, *quartiles, f"{np.median(cutoffs[genre]):.1f}"))
    head = ("Genre", "Shortest (s)", "25 %", "Median", "75 %", "Longest", "Bandwidth (kHz)")
    return (
        f'<div class="grid2"><div><h3>Length (s)</h3>{box_plots(lengths, title="Length by genre", unit="s")}</div>'
        f"<div><h3>Bandwidth (kHz): {BANDWIDTH_DB:.0f} dB below the loudest band</h3>"
        f"{box_plots(cutoffs, title='Bandwidth by genre', unit='kHz')}</div></div>"
        f"{html_table(head, summary)}"
        f"<h3 style='margin-top:24px'>Formats</h3>"
        f"{html_table(('Container', 'Codec', 'Rate (Hz)', 'Channels', 'Files', 'In genres'), formats)}"
    )


def _kind(clip: Clip) -> tuple[str, str, int, int]:
    return clip.container, clip.codec, clip.sample_rate_hz, clip.channels


def _giveaways(found: Exploration) -> str:
    if not found.giveaways:
        return ""
    chance = found.giveaways[0].chance
    telling = [g for g in found.giveaways if g.balanced_accuracy > 1.5 * chance]
    advice = {
        "length": "cut windows of one equal length (loop, do not pad with zeros) and drop any length column",
        "bandwidth": "band-limit all files alike",
        "level": "normalise the level or vary it at random in training",
        "peak": "normalise the level or vary it at random in training",
        "sample rate": "resample everything to the lowest rate and band-limit to it",
        "channels": "mix to mono",
        "codec": "recompress at random in training",
    }
    note = ""
    if telling:
        todo: dict[str, list[str]] = {}
        for g in telling:
            todo.setdefault(advice[g.name], []).append(escape(g.name))
        what = "; ".join(f"{' and '.join(names)}: {how}" for how, names in todo.items()).capitalize()
        note = f'<p class="note"><b>A model could cheat.</b> {what}. Loudness and bandwidth are partly musical: '\
               "what matters is whether the figure stays after that.</p>"  # fmt: skip
    values = {g.name: g.balanced_accuracy for g in found.giveaways}
    table = html_table(
        ("Property alone", "Balanced accuracy"), [(g.name, f"{g.balanced_accuracy:.1%}") for g in found.giveaways]
    )
    return (
        "<p>Balanced accuracy of guessing each track's genre from one technical property of the other tracks. "
        f"The dashed line is chance ({chance:.0%}).</p>{note}"
        f"{side_by_side(bars(values, title='Balanced accuracy by property', unit='%', marker=chance), table)}"
    )


def _faults(found: Exploration) -> str:
    genre_of = {track.track_id: track.genre for track in found.dataset.tracks}
    rows = []
    for name, clip in found.clips.items():
        noted = []
        if clip.clipped > CLIPPED_NOTE:
            noted.append(f"{clip.clipped:.2%} clipped")
        if clip.silent > 0.25:
            noted.append(f"{clip.silent:.0%} silent")
        if abs(clip.dc) > DC_NOTE:
            noted.append(f"offset {clip.dc:+.3f}")
        if clip.truncated:
            noted.append("shorter than its header says")
        if noted:
            rows.append((name, genre_of[name], "; ".join(noted), f"{clip.level_dbfs:.1f}", f"{clip.peak:.2f}"))
    levels = _by_genre(found, lambda clip: max(clip.level_dbfs, -80.0))
    text = (
        f"Noted are files with more than {CLIPPED_NOTE:.1%} of samples clipped (runs of 3 or more at the peak), more "
        f"than a quarter of the time below {SILENCE_DBFS:.0f} dBFS, or an offset beyond {DC_NOTE:g}. Training can live "
        "with them; they are not left out."
    )
    table = html_table(("Track", "Genre", "What", "Level (dBFS)", "Peak"), rows) or "<p>None.</p>"
    chart = box_plots(levels, title="Level by genre", unit="dBFS")
    return (
        f"<p>{text}</p>{table}<h3 style='margin-top:24px'>Level (dBFS)</h3><div style='max-width:640px'>{chart}</div>"
    )


def _duplicates(found: Exploration) -> str:
    genre_of = {track.track_id: track.genre for track in found.dataset.tracks}
    rows = [
        (m.first, m.second, f"{m.overlap_s:.1f}", f"{m.offset_s:+.2f}", f"{m.bit_error_rate:.0%}",
         "two genres" if genre_of[m.first] != genre_of[m.second] else genre_of[m.first])
        for m in found.matches
    ]  # fmt: skip
    text = (
        "The same recording in two files, whatever its level, codec or cut, found by audio fingerprints (Haitsma and "
        "Kalker 2002). Unrelated music differs in 50 % of the bits; below 25 % is a copy, up to 30 % may be a "
        "version with the same backing. Keep each pair on one side of every split."
    )
    head = ("First", "Second", "Overlap (s)", "Second begins later by (s)", "Bits that differ", "Genre")
    return f"<p>{text}</p>{html_table(head, rows) or '<p>None.</p>'}"


def _outliers(found: Exploration) -> str:
    rows = [
        (o.track, o.genre, f"{o.distance:.1f}", ", ".join(f"{name} {z:+.1f}" for name, z in o.because))
        for o in found.outliers
    ]
    text = (
        "Tracks whose descriptors lie far from the rest of their genre (robust z-scores, about 1 is usual). A wrong "
        "label, a wrong file, speech or noise shows here, and so does an unusual piece: listen before removing any."
    )
    table = html_table(("Track", "Genre", "Distance", "Because of (z)"), rows) or "<p>None.</p>"
    return f"<p>{text}</p>{table}"


def _features(found: Exploration) -> str:
    if not found.descriptors:
        return ""
    names: dict[str, list[str]] = {genre: [] for genre in found.dataset.genres}
    for track in found.dataset.tracks:
        if track.track_id in found.descriptors:
            names[track.genre].append(track.track_id)
    charts = []
    for column, title, unit in _FEATURES:
        groups = {g: [found.descriptors[n][column] for n in ids] for g, ids in names.items()}
        chart = box_plots(groups, title=f"{title} by genre", unit=unit)
        charts.append(f"<div><h3>{escape(title)}{f' ({unit})' if unit else ''}</h3>{chart}</div>")
    columns = list(next(iter(found.descriptors.values())))
    rows = [
        (
            column,
            *(f"{np.median([found.descriptors[n][column] for n in ids]):.4g}" if ids else "" for ids in names.values()),
        )
        for column in columns
    ]
    table = html_table(("Median of", *names), rows)
    return (
        f'<div class="grid2">{"".join(charts)}</div><details><summary>Medians of all columns</summary>{table}</details>'
    )


def _clips(found: Exploration, pictures: Pictures) -> str:
    figures = []
    by_id = found.dataset.by_id()
    for name, picture in pictures.items():
        track = by_id[name]
        who = " - ".join(part for part in (track.artist, track.title) if part)
        about = f"{picture.duration_s:.1f} s from {picture.start_s:.1f} s"
        figures.append(
            f"<figure><figcaption><b>{escape(track.genre)}</b> {safe(name)}<br>"
            f'<span class="soft">{safe(who)}{" · " if who else ""}{about}</span></figcaption>'
            f"{waveform(picture.low, picture.high, title=f'Waveform of {printable(name)}')}"
            f'<img class="mel" src="{picture.mel}" alt="Mel spectrogram of {safe(name)}">'
            f'<img class="chroma" src="{picture.chroma}" alt="Chromagram of {safe(name)}"></figure>'
        )
    if not figures:
        return ""
    text = (
        "The tracks nearest to their genre's median sound: waveform, mel spectrogram (0 to 11 kHz, 70 dB), chromagram "
        "(C at the bottom, B at the top)."
    )
    return f'<p>{text}</p><div class="clips">{"".join(figures)}</div>'


def _exclusions(found: Exploration) -> str:
    rows = [(e.track, e.genre, e.reason) for e in found.exclusions]
    total = len(found.dataset.tracks)
    text = f"{total - len(rows):,} of {total:,} tracks are kept; <code>--write-manifest</code> writes their list."
    return f"<p>{text}</p>{html_table(('Track', 'Genre', 'Why'), rows)}"


def _by_genre(found: Exploration, value: Callable[[Clip], float]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {genre: [] for genre in found.dataset.genres}
    for track in found.dataset.tracks:
        if track.track_id in found.clips:
            groups[track.genre].append(value(found.clips[track.track_id]))
    return groups
