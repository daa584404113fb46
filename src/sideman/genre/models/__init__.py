"""Network architectures, one file per model (need the extra `train`)."""
