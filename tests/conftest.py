"""What every test shares.

Property tests draw the same examples each time, so that the same tree gives the same answer; another draw is
``HYPOTHESIS_PROFILE=explore pytest``. No time limit per example, for machines differ and are busy.
"""

import os

from hypothesis import settings

settings.register_profile("sideman", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sideman"))
