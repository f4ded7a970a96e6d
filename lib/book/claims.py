"""Claims: what a paper says, its value, ours with an interval, and the three answers to it.

*Direction*: does our interval say what the paper says (holds, fails), or does it hold both answers
(undecided)? *Size*: where lies the paper's value, inside our interval, below or above it (none
where one of the two is lacking)? *Evidence*: on what do we stand, the paper's own data, other real
data, or what we made? They lie in figures/<profile>/claims.json, one list for all parts.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from lib.book.chapters import PARTS as TITLES
from lib.book.chapters import chapters
from lib.book.files import REPOSITORY, locked, write_atomically
from lib.book.told import told

PARTS = tuple(TITLES)
DIRECTIONS = HOLDS, FAILS, UNDECIDED = ("holds", "fails", "undecided")
INSIDE, BELOW, ABOVE, NONE = ("inside", "below", "above", "none")
EVIDENCES = OWN, OTHER, MADE, NOTHING = ("the paper's own data", "other real data", "made", "none")
PAPER, BOOK = "paper", "book"  # whose claim, or question, it is
UPPER = 0.975  # probability below the upper end of every interval here: 95 % lie between both
DECIMALS = 4  # at most, of what has an interval
MATTER = 4  # claims of a part that the README shows: the first ones
RULES = "0536723"  # the commit since which every rule stands as it is, whatever came after
Numbers = tuple[float | None, float | None, float | None, int]  # value, both ends, n
NO_NUMBERS: Numbers = (None, None, None, 0)


def figures() -> Path:
    """Return the folder of figures, tables and claims."""
    return Path(told().figures or REPOSITORY / "figures")


def wilson(successes: int, n: int, among: int = 1) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion: `successes` out of `n`.

    `among` intervals of one curve hold all together (Bonferroni). With z the normal quantile and
    p = successes / n, its ends are (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). n = 0
    says nothing: (0, 1). SciPy has it too, but only behind an exact test, which takes far longer.

    Raises:
        ValueError: successes are not between 0 and n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}: expected 0 <= successes <= n")
    if n == 0:
        return 0.0, 1.0
    z, share = special.ndtri(1 - (1 - UPPER) / among), successes / n
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
    """Return the 95 % percentile bootstrap interval of `statistic(values)`, expanded for few units.

    `values` is (n, ...): the n units of the first axis are drawn with replacement, what belongs to
    a unit stays together. Percentiles are taken so far out that the mean of n normal values has
    Student's interval; without that, 31 people are covered in 92 % instead of 95. The percentile
    interval is defined for constant samples too.

    Raises:
        ValueError: there are fewer than two units.
    """
    values = np.asarray(values)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError("a bootstrap needs at least two units along the first axis")
    n = len(values)
    expanded = special.ndtr(math.sqrt(n / (n - 1)) * stats.t.ppf(UPPER, n - 1))
    interval = stats.bootstrap(
        (np.arange(n),),
        lambda drawn: statistic(values[drawn]),
        n_resamples=resamples,
        confidence_level=2 * expanded - 1,
        vectorized=False,
        method="percentile",
        rng=generator,
    ).confidence_interval
    return float(interval.low), float(interval.high)


def above(low: float | None, high: float | None, limit: float = 0.0) -> str:
    """Return whether a number lies above a limit, by both ends of its interval, see `_ends`."""
    low, high = _ends(low, high)
    if low > limit:
        return HOLDS
    return FAILS if high < limit else UNDECIDED


def below(low: float | None, high: float | None, limit: float = 0.0) -> str:
    """Return whether a number lies below a limit, by both ends of its interval, see `_ends`."""
    low, high = _ends(low, high)
    return above(-high, -low, -limit)


def near(low: float | None, high: float | None, limit: float) -> str:
    """Return whether a number is at most `limit` away from 0, by both ends, see `_ends`."""
    low, high = _ends(low, high)
    if -limit <= low and high <= limit:
        return HOLDS
    return FAILS if low > limit or high < -limit else UNDECIDED


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    """Return both ends; a single missing one is open, and where both are missing they are NaN."""
    if low is None and high is None:
        return math.nan, math.nan
    return -math.inf if low is None else low, math.inf if high is None else high


@dataclass(frozen=True)
class Reading:
    """One number by which a claim is judged: a row, a set, a network, a way to count.

    `ours` has the interval `low` to `high` over `n` units. A number that does not exist is None; an
    interval that lacks one end is open there.
    What does not decide is shown beside the others, and the claim does not hang on it.

    Raises:
        ValueError: the direction is unknown, n is negative, or a number is NaN or infinite.
    """

    name: str
    paper_value: float | None
    ours: float | None
    low: float | None
    high: float | None
    n: int
    direction: str
    decides: bool = True

    def __post_init__(self) -> None:
        """Refuse what the pages could not show."""
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction {self.direction!r}; choose one of: {DIRECTIONS}")
        if self.n < 0:
            raise ValueError(f"n is {self.n}; it counts units")
        for name in ("paper_value", "ours", "low", "high"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}; use None where there is no number")

    @property
    def size(self) -> str:
        """Return where the paper's value lies: inside our interval, below or above it, or none."""
        low, high = _ends(self.low, self.high)
        if self.paper_value is None or math.isnan(low):
            return NONE
        if self.paper_value < low:
            return BELOW
        return ABOVE if self.paper_value > high else INSIDE


@dataclass(frozen=True)
class Source:
    """What claims share: the data, the unit that was sampled, and the chapter that shows it.

    `unit` is what `n` counts and what an interval draws anew. `scale` is by what our numbers are
    multiplied to be shown: 100 for percent and points.
    """

    part: str
    dataset: str
    rung: str
    profile: str
    chapter: str
    evidence: str
    unit: str
    scale: int = 1

    def reading(
        self,
        name: str,
        paper: float | None,
        found: Numbers,
        direction: str,
        *,
        decides: bool = True,
    ) -> Reading:
        """Return a reading of our value, both ends of its interval, and n."""
        *numbers, n = found
        ours, low, high = (
            None if each is None or math.isnan(each) else self.scale * each for each in numbers
        )
        return Reading(name, paper, ours, low, high, n, direction, decides)


@dataclass(frozen=True)
class Claim:
    """One claim of a paper, or question of this book, with all numbers by which it is judged.

    `where` is its place in the paper; `note` says what would change the answer. It holds where all
    readings that decide hold, and fails where one of them fails. Where there is nothing to judge it
    by, its evidence is none.

    Raises:
        ValueError: part, evidence or chapter is unknown.
    """

    claim: str
    where: str
    readings: tuple[Reading, ...]
    source: Source
    note: str = ""
    asked_by: str = PAPER

    def __post_init__(self) -> None:
        """Refuse what the pages could not show."""
        stems = tuple(path.stem for path in chapters())
        known = {"part": PARTS, "evidence": EVIDENCES, "chapter": stems}
        for name, choices in known.items():
            if (value := getattr(self.source, name)) not in choices:
                raise ValueError(f"{name} {value!r}; choose one of: {choices}")

    @property
    def direction(self) -> str:
        """Return whether the claim holds, fails, or is undecided."""
        found = [reading.direction for reading in self.readings if reading.decides]
        if FAILS in found:
            return FAILS
        return UNDECIDED if not found or UNDECIDED in found else HOLDS

    @property
    def shown(self) -> Reading:
        """Return the reading that gave the answer: the first that decides in its direction."""
        answer = (r for r in self.readings if r.decides and r.direction == self.direction)
        return next(answer, Reading("", None, *NO_NUMBERS, UNDECIDED))

    @property
    def answer(self) -> str:
        """Return the direction, and how many deciding readings give it where they differ."""
        found = [reading.direction for reading in self.readings if reading.decides]
        same = found.count(self.direction)
        differ = 0 < same < len(found)
        return f"{self.direction} ({same} of {len(found)})" if differ else self.direction

    @property
    def sizes(self) -> str:
        """Return where the paper's value lies, counted where the deciding readings differ in it."""
        found = Counter(reading.size for reading in self.readings if reading.decides)
        return (
            ", ".join(f"{size} {n}" for size, n in found.items())
            if len(found) > 1
            else self.shown.size
        )

    @property
    def evidence(self) -> str:
        """Return on what the answer stands; on nothing, where no reading has a number of ours."""
        found = any(reading.ours is not None for reading in self.readings)
        return self.source.evidence if found else NOTHING

    def entry(self) -> dict[str, Any]:
        """Return it as in claims.json: the numbers of the reading shown, and all readings."""
        data = asdict(self.source)
        chapter, _ = data.pop("chapter"), data.pop("scale")
        numbers = {n: getattr(self.shown, n) for n in ("paper_value", "ours", "low", "high", "n")}
        answers = {"direction": self.direction, "size": self.shown.size}
        return {
            "part": data.pop("part"),
            "claim": self.claim,
            "where": self.where,
            **numbers,
            **data,
            **answers,
            "evidence": self.evidence,
            "source": self.asked_by,
            "rules": RULES,
            "chapter": chapter,
            "note": self.note,
            "readings": [asdict(reading) | {"size": reading.size} for reading in self.readings],
        }


def from_entry(entry: dict[str, Any]) -> Claim:
    """Return the claim that `Claim.entry` wrote down.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    names = ("part", "dataset", "rung", "profile", "chapter", "evidence", "unit")
    readings = ({k: v for k, v in each.items() if k != "size"} for each in entry["readings"])
    return Claim(
        entry["claim"],
        entry["where"],
        tuple(Reading(**each) for each in readings),
        Source(**{name: entry[name] for name in names}),
        entry["note"],
        entry["source"],
    )


def record(claims: Sequence[Claim], folder: Path | None = None) -> Path:
    """Write claims of one profile into its file and return the path.

    They replace all earlier claims of their part, so a part records its claims in one call; the
    other parts' stay. The file is ordered by part, and within a part as given.

    Raises:
        ValueError: claims are of no or several profiles, or the file there is damaged.
        OSError: the file cannot be written; what was there stays.
    """
    profiles = {claim.source.profile for claim in claims}
    if len(profiles) != 1:
        raise ValueError(f"claims of one profile are recorded together, not of {sorted(profiles)}")
    profile = profiles.pop()
    parts = {claim.source.part for claim in claims}
    target = _file(profile, folder)
    with locked(REPOSITORY / ".cache" / "claims.lock"):  # parts may end at the same time
        others = [claim for claim in load(profile, folder) if claim.source.part not in parts]
        everything = sorted([*others, *claims], key=lambda claim: claim.source.part)  # stable
        entries = [claim.entry() for claim in everything]
        write_atomically(target, json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    return target


def unless_changed(claims: Sequence[Claim], places: Collection[str]) -> list[Claim]:
    """Return claims; undecided where code has changed since their numbers were computed.

    `places` are those that have changed, see `sweep.CHANGED`.
    """
    if not places:
        return list(claims)
    note = f"not judged: its numbers were computed before {', '.join(sorted(places))} changed"

    def withheld(claim: Claim) -> Claim:
        readings = tuple(replace(each, direction=UNDECIDED) for each in claim.readings)
        return replace(claim, note=note, readings=readings)

    return list(map(withheld, claims))


def load(profile: str, folder: Path | None = None) -> list[Claim]:
    """Return the claims recorded for a profile, an empty list where there are none yet.

    Raises:
        ValueError: the file is damaged.
    """
    source = _file(profile, folder)
    try:
        return [from_entry(entry) for entry in json.loads(source.read_bytes())]
    except FileNotFoundError:
        return []
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"{source} is damaged ({error}); delete it and run the chapters again"
        ) from None


def markdown(claims: Iterable[Claim], chapters: bool = False, readings: bool = True) -> str:
    """Return claims in Markdown; with `chapters`, each has a link to the notebook that shows how we
    know. Its `readings` stand below it, or the one alone that gave the answer.
    """
    rows: list[tuple[str, ...]] = []
    for claim in claims:
        said = [claim.where, claim.evidence, claim.note]
        if chapters:
            name = claim.source.chapter
            said.insert(2, f"[chapter {name[:2]}]({name}.ipynb)")
        alone, unit = len(claim.readings) == 1, claim.source.unit
        shown = claim.readings[0] if alone else claim.shown
        if shown.name and not (alone or readings):
            said.append(f"shown is one of {len(claim.readings)} readings: {shown.name}")
        text = f"**{claim.claim}**<br><small>{'; '.join(filter(None, said))}</small>"
        numbers = _numbers(shown, unit) if alone or not readings else ("", "", "")
        rows.append((text, *numbers, f"**{claim.answer}**", claim.sizes))
        if readings and not alone:
            rows += [_below(reading, unit) for reading in claim.readings]
    columns = ["Claim", "Paper", "Ours [95 %]", "n", "Direction", "Size"]
    return table([columns, *rows])


def short(claims: Sequence[Claim]) -> str:
    """Return the claims that matter most in Markdown, the first of each part, without numbers."""
    columns = ["Part", "Claim", "Direction", "Size", "Evidence"]
    rows = [
        (part.removeprefix("part"), claim.claim, claim.answer, claim.sizes, claim.evidence)
        for part in PARTS
        for claim in [each for each in claims if each.source.part == part][:MATTER]
    ]
    return table([columns, *rows])


def tally(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return how many of the papers' claims have come to each answer, by what they stand on.

    The book's own questions do not count, nor what there is nothing here to judge by.
    """
    found = Counter(
        (claim.source.part, claim.evidence, claim.direction)
        for claim in claims
        if claim.asked_by == PAPER and claim.evidence != NOTHING
    )
    rows = [
        {"part": TITLES[part].partition(",")[0], "stands on": evidence}
        | {direction: found[part, evidence, direction] for direction in DIRECTIONS}
        for part in PARTS
        for evidence in EVIDENCES
        if any(found[part, evidence, direction] for direction in DIRECTIONS)
    ]
    return pd.DataFrame(rows, columns=["part", "stands on", *DIRECTIONS])


def _below(reading: Reading, unit: str) -> tuple[str, ...]:
    """Return the row of one of several readings."""
    name = reading.name if reading.decides else f"*{reading.name}*"
    return f"– {name}", *_numbers(reading, unit), reading.direction, reading.size


def _numbers(reading: Reading, unit: str) -> tuple[str, str, str]:
    """Return the paper's value, ours with its interval, and the units, as text."""
    paper = "–" if reading.paper_value is None else f"{reading.paper_value:.4g}"
    units = unit.removesuffix("s") if reading.n == 1 else unit
    return paper, _ours(reading), f"{reading.n} {units}" if reading.ours is not None else "–"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, the heads first, one line each row whatever is in it."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(
        "| " + " | ".join(" ".join(str(cell).replace("|", r"\|").split()) for cell in row) + " |\n"
        for row in lines
    )


def _file(profile: str, folder: Path | None) -> Path:
    return (folder or figures()) / profile / "claims.json"


def _ours(reading: Reading) -> str:
    """Return our value and its interval as text: no digit that the interval makes meaningless.

    Two digits of the interval's half are kept and one decimal at least, so that an end near 0 keeps
    its side; but no more decimals than the numbers have with four digits (a strength from a grid
    has two, however narrow its interval).
    """
    numbers = (reading.ours, reading.low, reading.high)
    known = [each for each in numbers if each is not None]
    if reading.ours is None or len(known) == 1:
        return "–" if reading.ours is None else f"{reading.ours:.4g}"
    half = 0.0 if None in numbers else (known[2] - known[1]) / 2
    wanted = max(1, 1 - math.floor(math.log10(half))) if half > 0 else DECIMALS
    written = max(0, *(-int(Decimal(f"{each:.4g}").as_tuple().exponent) for each in known))
    decimals = min(wanted, written, DECIMALS)
    value, low, high = ("–" if each is None else f"{each:z.{decimals}f}" for each in numbers)
    return f"{value} [{low}, {high}]"
