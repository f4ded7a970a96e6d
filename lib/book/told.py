"""What `./run_all.sh` tells the processes of a run, in one variable of their environment."""

import json
import os
from dataclasses import asdict, dataclass, fields

VARIABLE = "BOOK_RUN"


@dataclass(frozen=True)
class Told:
    """How and where a run is done; None and False say that nothing was asked."""

    jobs: int | None = None  # processes at a time
    scheduler: str | None = None  # address of the Dask scheduler whose workers compute instead
    present: bool = False  # runs without a result are left out instead of computed
    deterministic: bool = False  # the same bits on more machines
    figures: str | None = None  # folder of figures, tables and claims
    frames: str | None = None  # folder into which panels draw their frames
    notebook: str | None = None  # folder of the book in which the notebook will lie

    def environment(self) -> dict[str, str]:
        """Return the variable that tells it."""
        default = Told()
        changed = {
            name: value for name, value in asdict(self).items() if value != getattr(default, name)
        }
        return {VARIABLE: json.dumps(changed)}


def told() -> Told:
    """Return what this process was told."""
    text = os.environ.get(VARIABLE) or "{}"
    known = ", ".join(each.name for each in fields(Told))
    try:
        return Told(**json.loads(text))
    except (ValueError, TypeError):
        raise ValueError(f"{VARIABLE} is {text!r}; it is JSON of {known}") from None
