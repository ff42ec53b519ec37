"""How the interpreter is set for a process that works in batches."""

import gc
import sys

#: A reactor beside a writing thread: the interpreter lock must change hands quickly.
SWITCH_INTERVAL_S = 0.0005
#: A batch makes some ten thousand objects and drops them all: the collector need not look at each
#: batch in the middle. What lives from the start on is never looked at again.
YOUNG = 100_000


def settle() -> None:
    """Call once, when everything that lives as long as the process has been made."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
