"""Let a process end with the one that started it, however that one ended.

https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
"""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which started it, ends.

    Killed, not asked: nobody is left to see that it does end, and until then it would answer
    beside its successor on the same port. What was acknowledged is in MongoDB's journal.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
