"""Mood: words for it, and where they lie between pleasant and unpleasant, calm and excited."""
