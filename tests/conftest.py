"""What every test shares: no time limit per Hypothesis example, for machines differ and are busy."""

from hypothesis import settings

settings.register_profile("sideman", deadline=None)
settings.load_profile("sideman")
