"""Verdicts: each claim of a paper, the paper's value, ours with an interval, and what follows.

They lie in figures/<profile>/claims.json, one list for all parts. *Undecided* is a verdict of its
own: there are data, but their interval holds both answers. *Not testable here* means that the data
at hand are not what the claim is about.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lib.book.chapters import PARTS as TITLES
from lib.book.chapters import chapters
from lib.book.files import REPOSITORY, locked, write_atomically
from lib.book.told import told

PARTS = tuple(TITLES)
REPRODUCED, PARTLY, NOT_REPRODUCED = "reproduced", "partly", "not reproduced"
UNDECIDED, NOT_TESTABLE = "undecided", "not testable here"
VERDICTS = (REPRODUCED, PARTLY, NOT_REPRODUCED, UNDECIDED, NOT_TESTABLE)
UPPER = 0.975  # probability below the upper end of every interval here: 95 % lie between both
DECIMALS = 4  # at most, of what has an interval


def figures() -> Path:
    """Return the folder of figures, tables and claims; the runner may name another one."""
    return Path(told().figures or REPOSITORY / "figures")


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion: `successes` out of `n`.

    With z the normal quantile and p = successes / n, its ends are
    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). n = 0 says nothing: (0, 1). SciPy has
    it too, but only behind an exact test, which takes far longer than the interval.

    Raises:
        ValueError: successes are not between 0 and n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}: expected 0 <= successes <= n")
    if n == 0:
        return 0.0, 1.0
    z, share = stats.norm.ppf(UPPER), successes / n
    centre = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)
    return float(min(max(low, 0.0), share)), float(max(min(high, 1.0), share))  # rounding at 0, 1


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return Student's 95 % interval of the mean of independent values (one per seed or fold).

    Raises:
        ValueError: there are fewer than two values, or one is not finite.
    """
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or sample.size < 2 or not np.isfinite(sample).all():
        raise ValueError(f"expected at least two finite values in a row, not {values!r}")
    half = stats.t.ppf(UPPER, sample.size - 1) * stats.sem(sample)
    return float(sample.mean() - half), float(sample.mean() + half)


def bootstrap_interval(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    generator: np.random.Generator,
    resamples: int = 2000,
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of `statistic(values)`.

    `values` is (n, ...): the n units of the first axis are drawn with replacement, what belongs to
    a unit stays together. The percentile interval is defined for constant samples too.

    Raises:
        ValueError: there are fewer than two units.
    """
    values = np.asarray(values)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError("a bootstrap needs at least two units along the first axis")
    interval = stats.bootstrap(
        (np.arange(len(values)),),
        lambda drawn: statistic(values[drawn]),
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=generator,
    ).confidence_interval
    return float(interval.low), float(interval.high)


def above(low: float, high: float, limit: float = 0.0) -> str:
    """Return the verdict on a number that should lie above a limit, by its interval."""
    if low > limit:
        return REPRODUCED
    return NOT_REPRODUCED if high < limit else UNDECIDED


def below(low: float, high: float, limit: float = 0.0) -> str:
    """Return the verdict on a number that should lie below a limit, by its interval."""
    return above(-high, -low, -limit)


def graded(fully: object, partly: object = False) -> str:
    """Return the verdict of a rule with two conditions, of which the first is the harder one."""
    if fully:
        return REPRODUCED
    return PARTLY if partly else NOT_REPRODUCED


@dataclass(frozen=True)
class Claim:
    """One claim of a paper and our verdict on it.

    `where` is its place in the paper. `ours` has the interval `low` to `high` over `n` units (say
    in `claim` or `note` what they are). A number that does not exist is None. `chapter` is the one
    that shows how we know; `note` says what would change the verdict.

    Raises:
        ValueError: part, verdict or chapter is unknown, n is negative, or a number is NaN or
            infinite.
    """

    part: str
    claim: str
    where: str
    paper_value: float | None
    ours: float | None
    low: float | None
    high: float | None
    n: int
    dataset: str
    rung: str
    profile: str
    verdict: str
    chapter: str
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what the pages could not show."""
        stems = tuple(path.stem for path in chapters())
        for name, known in (("part", PARTS), ("verdict", VERDICTS), ("chapter", stems)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r}; choose one of: {known}")
        if self.n < 0:
            raise ValueError(f"n is {self.n}; it counts units")
        for name in ("paper_value", "ours", "low", "high"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}; use None where there is no number")


@dataclass(frozen=True)
class Source:
    """What the claims of a part share: its data, and the chapter that shows most of them.

    `unit` is by what our numbers are multiplied to be shown: 100 for percent and points.
    """

    part: str
    dataset: str
    rung: str
    profile: str
    chapter: str
    unit: int = 1

    def claim(
        self,
        text: str,
        where: str,
        paper: float | None,
        found: tuple[float | None, float | None, float | None, int] | None,
        verdict: str,
        note: str,
        chapter: str = "",
    ) -> Claim:
        """Return a claim; `found` holds our value, both ends of its interval, and n."""
        *numbers, n = found or (None, None, None, 0)
        ours, low, high = (
            None if each is None or math.isnan(each) else self.unit * each for each in numbers
        )
        data, chapter = (self.dataset, self.rung, self.profile), chapter or self.chapter
        return Claim(
            self.part, text, where, paper, ours, low, high, n, *data, verdict, chapter, note
        )


def record(claims: Sequence[Claim], folder: Path | None = None) -> Path:
    """Write claims of one profile into its file and return the path.

    They replace all earlier claims of their part, so a part records its claims in one call; the
    other parts' stay. The file is ordered by part, and within a part as given.

    Raises:
        ValueError: claims are of no or several profiles, or the file there is damaged.
        OSError: the file cannot be written; what was there stays.
    """
    profiles = {claim.profile for claim in claims}
    if len(profiles) != 1:
        raise ValueError(f"claims of one profile are recorded together, not of {sorted(profiles)}")
    profile = profiles.pop()
    parts = {claim.part for claim in claims}
    target = _file(profile, folder)
    with locked(REPOSITORY / ".cache" / "claims.lock"):  # parts may end at the same time
        others = [claim for claim in load(profile, folder) if claim.part not in parts]
        everything = sorted([*others, *claims], key=lambda claim: claim.part)  # stable
        entries = [asdict(claim) for claim in everything]
        write_atomically(target, json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    return target


def unless_changed(claims: Sequence[Claim], places: Collection[str]) -> list[Claim]:
    """Return claims; undecided where code has changed since their numbers were computed.

    Args:
        claims: of one chapter.
        places: which code has changed, see `sweep.CHANGED`.
    """
    if not places:
        return list(claims)
    note = f"not judged: its numbers were computed before {', '.join(sorted(places))} changed"
    return [
        claim if claim.verdict == NOT_TESTABLE else replace(claim, verdict=UNDECIDED, note=note)
        for claim in claims
    ]


def load(profile: str, folder: Path | None = None) -> list[Claim]:
    """Return the claims recorded for a profile, an empty list where there are none yet.

    Raises:
        ValueError: the file is damaged.
    """
    source = _file(profile, folder)
    try:
        return [Claim(**entry) for entry in json.loads(source.read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{source} is damaged ({error}); delete it and run the chapters again"
        ) from None


def as_table(claims: Iterable[Claim]) -> pd.DataFrame:
    """Return claims as text to be read, one row each; a number that does not exist is a dash."""
    columns = ["Part", "Claim", "Where", "Paper", "Ours", "95 % interval", "n", "Data", "Verdict"]
    rows = [
        (
            claim.part.removeprefix("part"),
            claim.claim,
            claim.where,
            "–" if claim.paper_value is None else f"{claim.paper_value:.4g}",
            *_ours(claim),
            claim.n,
            f"{claim.dataset} ({claim.rung}), {claim.profile}",
            claim.verdict,
            claim.note,
        )
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=[*columns, "What would change it"])


def markdown(claims: Iterable[Claim]) -> str:
    """Return the numbers and verdicts of `as_table` in Markdown, for the README."""
    columns = ["Part", "Claim", "Paper", "Ours", "95 % interval", "n", "Verdict"]
    return _markdown(as_table(claims)[columns])


def linked(claims: Sequence[Claim]) -> str:
    """Return claims of one verdict in Markdown, each with a link to the notebook that shows it."""
    table = as_table(claims).rename(columns={"Where": "In the paper", "Paper": "Its value"})
    table["Chapter"] = [f"[{claim.chapter[:2]}]({claim.chapter}.ipynb)" for claim in claims]
    columns = ["Claim", "In the paper", "Its value", "Ours", "95 % interval", "n", "Chapter"]
    return _markdown(table[[*columns, "What would change it"]])


def tally(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return how many claims of each part (rows) have come to each verdict (columns)."""
    found = [(claim.part, claim.verdict) for claim in claims]
    counts = [[found.count((part, verdict)) for verdict in VERDICTS] for part in PARTS]
    return pd.DataFrame(counts, index=list(PARTS), columns=list(VERDICTS))


def _markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown, one line each row whatever is in it."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.values.tolist()]
    return "".join(
        "| " + " | ".join(" ".join(str(cell).replace("|", r"\|").split()) for cell in row) + " |\n"
        for row in rows
    )


def _file(profile: str, folder: Path | None) -> Path:
    """Return where a profile's claims lie."""
    return (folder or figures()) / profile / "claims.json"


def _ours(claim: Claim) -> tuple[str, str]:
    """Return our value and its interval as text: no digit that the interval makes meaningless.

    Two digits of the interval's half are kept and one decimal at least, so that an end near 0 keeps
    its side; but no more decimals than the numbers have with four digits (a strength from a grid
    has two, however narrow its interval).
    """
    if claim.ours is None:
        return "–", "–"
    if claim.low is None or claim.high is None:
        return f"{claim.ours:.4g}", "–"
    numbers = (claim.ours, claim.low, claim.high)
    half = (claim.high - claim.low) / 2
    wanted = max(1, 1 - math.floor(math.log10(half))) if half > 0 else DECIMALS
    written = max(0, *(-int(Decimal(f"{each:.4g}").as_tuple().exponent) for each in numbers))
    decimals = min(wanted, written, DECIMALS)
    value, low, high = (f"{number:z.{decimals}f}" for number in numbers)
    return value, f"{low} to {high}"
