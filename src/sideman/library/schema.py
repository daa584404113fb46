"""Tables of the library's database, the same for SQLite and PostgreSQL.

A *file* is a path with its tags; an *analysis* is what was heard in one audio payload, found by its hash. Files that
hold the same audio share an analysis, and a file that moves or is tagged keeps it. Paths are stored by
:func:`~sideman.library.pathtext.to_text`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

roots = Table(
    "roots",
    metadata,
    Column("path", Text, primary_key=True),
    Column("added_at", Float, nullable=False),
)
"""Folders and files that were scanned; ``--watch`` and the check for vanished disks go by them."""

files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", Text, nullable=False),  # beyond 32 bits; text is exact in both databases
    Column("audio_hash", String(40), index=True),  # NULL where the file could not be read
    Column("container", String(16)),
    Column("error", Text),  # why it could not be read
    Column("added_at", Float, nullable=False),
    Column("missing_since", Float),  # not found by the last scan of its root
    # Tags as found. The columns hold what is asked for most, `tags` all text fields: {field: [values]}.
    Column("title", Text),
    Column("artist", Text),
    Column("albumartist", Text),
    Column("album", Text),
    Column("year", Integer),
    Column("track", Integer),
    Column("disc", Integer),
    Column("tag_genre", Text),  # values joined by "; "
    Column("tag_mood", Text),
    Column("tag_bpm", Float),
    Column("tag_key", Text),
    Column("tags", JSON),
    # For searching: lower case, without accents.
    Column("n_title", Text),
    Column("n_artist", Text),
    Column("n_albumartist", Text),
    Column("n_album", Text),
    Column("n_tags", Text),
    Column("n_path", Text),
    sqlite_autoincrement=True,  # the number of a file that is forgotten is never given to another
)

analyses = Table(
    "analyses",
    metadata,
    Column("audio_hash", String(40), primary_key=True),
    Column("state", String(8), nullable=False, index=True),  # pending, done, failed
    Column("claimed_by", Text),  # the scan that is at it
    Column("claimed_at", Float),
    Column("error", Text),
    Column("version", Integer),  # of the analysis; an older one is made again
    Column("model", String(64)),  # sha256 of the network whose embedding is stored
    Column("analysed_at", Float),
    Column("duration_s", Float),
    Column("genre", String(64)),
    Column("genre_probability", Float),
    Column("unsure", Boolean),
    Column("not_music", Float),
    Column("probabilities", JSON),
    Column("valence", Float),
    Column("arousal", Float),
    Column("mood", String(32)),
    Column("mood_confidence", Float),
    Column("tempo_bpm", Float),
    Column("tempo_confidence", Float),
    Column("first_beat_s", Float),
    Column("key", String(16)),
    Column("key_confidence", Float),
    Column("loudness_lufs", Float),
    Column("peak_db", Float),
)

details = Table(
    "details",
    metadata,
    Column("audio_hash", String(40), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # 256 little-endian float32 of unit length
    Column("timeline", LargeBinary),  # genre over time: see library/analyse
    Column("beats", LargeBinary),  # little-endian float32 seconds
)
"""What is bulky, apart from `analyses` so that listing 100,000 tracks does not read it."""

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("command", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""One run of ``sideman tag`` (or its undo)."""

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch_id", Integer, nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("audio_hash", String(40), nullable=False),
    Column("state", String(8), nullable=False),  # planned, done, failed, undone
    Column("old", JSON, nullable=False),  # {field: [values]} before, empty list where there was none
    Column("new", JSON, nullable=False),
    Column("temporary", Text),  # the copy beside the file, to be removed after a crash
    Column("detail", Text),
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)
"""The journal of tag writes: a row is durable before its file is touched."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("audio_hash", String(40), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # like, skip, correct
    Column("field", String(32)),  # of a correction: genre, mood, or one of the user's own
    Column("value", Text),
    Column("context", Text),  # what it was an answer to: another track, a mood
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)

learned = Table(
    "learned",
    metadata,
    Column("field", String(32), primary_key=True),
    Column("model", String(64), nullable=False),  # sha256 of the network whose embedding it reads
    Column("made_at", Float, nullable=False),
    Column("card", JSON, nullable=False),
    Column("weights", LargeBinary, nullable=False),
)
"""Classifiers fitted on the user's own tags."""
