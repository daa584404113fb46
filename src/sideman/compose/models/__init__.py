"""Making music: the networks, one file per model."""
