"""A library seen as a whole: distributions, a map, what tags and ears disagree on, duplicates, faults."""
