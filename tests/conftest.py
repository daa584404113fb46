"""What every test shares.

Property tests draw the same examples each time, so that the same tree gives the same answer; another draw is
``HYPOTHESIS_PROFILE=explore pytest``. No time limit per example, for machines differ and are busy.
"""

import os
import signal

from hypothesis import settings

from sideman.core.tuning import default_to_one_thread

default_to_one_thread()  # as the command does; small products on many threads crawl on a busy machine

# Found: a suite that a shell started in the background, or under nohup, inherits ignored signals, and so would what it
# starts.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

settings.register_profile("sideman", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sideman"))
