"""The ledger of a part: what its paper leaves open, what we take, and what else could be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One open point.

    `otherwise` is the other choice, or where its effect is shown. `measured` names what shows the
    effect, as each part's ledger says; where it is empty, nothing does.
    """

    open_point: str
    the_paper_says: str
    we_take: str
    otherwise: str
    measured: tuple[str, ...] = ()

    def words(self, last: str) -> dict[str, str]:
        """Return what it says, by the heads of a table's columns, of which the last is `last`."""
        return {
            "open point": self.open_point,
            "the paper says": self.the_paper_says,
            "we take": self.we_take,
            last: self.otherwise,
        }
