"""How the shipped genre weights were made (extra `train`); `sideman train default` runs it."""
