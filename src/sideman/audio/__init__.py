"""Sound in: decoding, spectra, features, tempo and key."""
