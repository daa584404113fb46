"""Tags of sound files: read them all, write four of them (genre, mood, bpm, key) safely, and undo it."""
