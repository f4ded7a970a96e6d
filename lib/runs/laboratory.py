"""Ideas tried in a laboratory, kept by setting and by what the code says: going back is instant."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lib.runs import code, results
from lib.runs.results import Result

EXPERIMENT = "laboratory"


def tried(
    part: str,
    setting: Mapping[str, Any],
    ideas: Iterable[code.Source],
    compute: Callable[[], Mapping[str, Any]],
    data: tuple[str, str],
) -> Result:
    """Return what an idea comes to; what was tried before is not computed again.

    Args:
        setting: what else determines the metrics, as plain JSON.
        ideas: functions, classes and modules whose code determines them, those of a notebook's
            cell, too.
        compute: returns the metrics.
        data: name and rung of what it is tried on.
    """
    config = results.plain({**setting, "code": code.key(ideas)})
    found = results.find(part, EXPERIMENT, config)
    if found is None:
        started = time.perf_counter()
        metrics = results.plain(compute())
        provenance = results.provenance(time.perf_counter() - started, *data)
        found = Result(part, EXPERIMENT, config, metrics, provenance)
        results.save(found)
    return found
