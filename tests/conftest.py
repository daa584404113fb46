"""What every test shares.

Property tests draw the same examples each time, so that the same tree gives the same answer; another draw is
``HYPOTHESIS_PROFILE=explore pytest``. No time limit per example, for machines differ and are busy.
"""

import os
import signal

from hypothesis import settings

from sideman.core.tuning import default_to_one_thread

default_to_one_thread()  # as the command does; small products on many threads crawl on a busy machine

# Found: a suite that a shell started in the background inherits an ignored SIGINT, and so would what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("sideman", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sideman"))
