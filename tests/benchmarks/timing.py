"""Two programs timed side by side: what a benchmark prints is a ratio of one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def ratio(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 7
) -> tuple[float, float, float]:
    """Time two functions in turn.

    Args:
        ours: a function.
        theirs: the function it is compared with.
        rounds: how often each is run; the garbage collector is on, as it is for users.

    Returns:
        The median processor seconds of ours and of theirs, and the median of theirs over ours by round.
    """
    pairs = []
    for _ in range(rounds):
        gc.collect()
        pairs.append((_seconds(ours), _seconds(theirs)))
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(b / a for a, b in pairs),
    )


def _seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start
