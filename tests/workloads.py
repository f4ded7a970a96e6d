"""What the tests of all parts' workloads share."""

from lib.book.workload import Work


def by_name(work: list[Work]) -> dict[str, Work]:
    """Return each kind of work by its name."""
    return {each.name: each for each in work}
