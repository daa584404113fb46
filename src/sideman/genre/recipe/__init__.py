"""How the shipped genre weights were made (extra `train`); `sideman train genre --recipe default` runs it."""
