"""Making networks (needs the extra `train`)."""
