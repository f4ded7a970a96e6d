"""What `determinism.measure` found, as table, picture and words; and what is promised."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALETTE
from lib.runs.results import Result

BIT_EQUAL = "bit-equal"
STORED = "tests/book/test_determinism.py::test_the_stored_results_hold_what_is_promised"
PROMISES = (  # what, how exactly, and the test that holds it
    ("a run done again on the same machine with the same versions", BIT_EQUAL, STORED),
    *(
        (
            f"a training of {part}, interrupted and resumed with as many threads",
            BIT_EQUAL,
            "tests/runs/test_trainers.py"
            "::test_a_training_interrupted_in_any_step_ends_at_the_same_bits",
        )
        for part in ("Part I", "Part II", "Part III")
    ),
    (
        "a run with --deterministic, done again",
        BIT_EQUAL,
        "tests/book/test_determinism.py::test_with_the_flag_the_same_bits_come_again",
    ),
    (
        "scores of a shipped network of Part I, measured again on another machine",
        "to half a point: a frame or two may tip",
        "tests/runs/test_checkpoints.py::test_recorded_scores_are_measured_again",
    ),
    (
        "accuracy of a shipped network of Part III, measured again on another machine",
        "to 2 of 10,000 images; under attack within the spread of the images",
        "tests/runs/test_checkpoints.py::test_recorded_accuracies_are_measured_again",
    ),
)
Found = Mapping[str, Sequence[Result]]  # by part's name
MARGINS = 0.8  # inches above and below the rows of the picture
EQUAL_AT = 1e-9  # where the picture's place for bit-equal lies on its logarithmic axis


def table(found: Found) -> pd.DataFrame:
    """Return one row per circumstance and work, circumstances in the order of the first part.

    Columns: circumstance, part, work, bit_equal, apart (the larger of the largest differences of
    weights and outputs, relative), labels (how many), agreeing (of them), time (CPU seconds,
    relative to the reference).
    """
    rows = [
        {"circumstance": result.config["circumstance"], "part": part, **row}
        for part, results in found.items()
        for result in results
        for row in _rows(result)
    ]
    names = list(dict.fromkeys(row["circumstance"] for row in rows))
    return pd.DataFrame(sorted(rows, key=lambda row: names.index(row["circumstance"])))


def _rows(result: Result) -> list[dict[str, object]]:
    """Return what a result says of each work."""
    metrics = result.metrics
    mine, others = (metrics[name]["cpu_seconds"] for name in ("facts", "reference"))
    return [
        {
            "work": work,
            "bit_equal": numbers["bit_equal"],
            "apart": max(numbers["weights"] or 0.0, numbers["outputs"]),
            "labels": numbers["labels"],
            "agreeing": numbers["agreeing"],
            "time": mine[work] / others[work] if others[work] else math.nan,
        }
        for work, numbers in metrics["works"].items()
    ]


def overview(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per circumstance, one column per work: BIT_EQUAL, or how far apart."""
    said = rows.assign(said=[_said(row) for _, row in rows.iterrows()])
    page = said.pivot(index="circumstance", columns="work", values="said")
    page = page.loc[rows["circumstance"].unique(), rows["work"].unique()]
    return page.rename_axis(columns=None).reset_index()


def _said(row: pd.Series) -> str:
    """Return what is said of one work under one circumstance."""
    return BIT_EQUAL if row["bit_equal"] else f"{row['apart']:.0e}"


def picture(rows: pd.DataFrame) -> Figure:
    """Draw how far each work is apart by circumstance; bit-equal has its own place."""
    names, works = list(rows["circumstance"].unique()), list(rows["work"].unique())
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 0.5 * len(names) + MARGINS))
    for number, (work, group) in enumerate(rows.groupby("work", sort=False)):
        shift = 0.6 * ((number + 0.5) / len(works) - 0.5)
        axes.scatter(
            np.where(group["bit_equal"], EQUAL_AT, group["apart"]),
            [names.index(name) + shift for name in group["circumstance"]],
            s=20,
            color=PALETTE[number],
            label=f"{group['part'].iloc[0]}, {work}",
            zorder=3,
        )
    _frame(axes, names)
    return figure


def _frame(axes: Axes, names: list[str]) -> None:
    """Give the picture its axes: bit-equal left of a line, then powers of ten."""
    powers = range(-7, 1)
    axes.set_xscale("log")
    axes.set_xlim(EQUAL_AT / 3, 3)
    axes.set_xticks([EQUAL_AT, *(10.0**power for power in powers)])
    axes.set_xticklabels([BIT_EQUAL, *(f"$10^{{{power}}}$" for power in powers)])
    axes.minorticks_off()
    axes.axvline(EQUAL_AT * 4, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlabel("largest relative difference of weights or outputs")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8.5)


def promises() -> pd.DataFrame:
    """Return what the book promises of its numbers, and the test that holds each promise."""
    return pd.DataFrame(PROMISES, columns=["what", "how exactly", "held by"])


def sentences(rows: pd.DataFrame) -> str:
    """Return in Markdown what the table says: what is bit-equal, what agrees, and the price."""
    groups = dict(iter(rows.groupby("circumstance", sort=False)))
    equal = [name for name, group in groups.items() if group["bit_equal"].all()]
    lines = [f"**Bit-equal in every work**: {'; '.join(equal) or 'nothing'}."]
    lines += [_apart(name, group) for name, group in groups.items() if name not in equal]
    if (flag := groups.get("--deterministic")) is not None:
        times = ", ".join(f"{row['work']} {row['time']:.1f}" for _, row in flag.iterrows())
        lines.append(
            "**The price of --deterministic**, in CPU time relative to one thread without: "
            f"{times}."
        )
    return "\n\n".join(lines)


def _apart(name: str, group: pd.DataFrame) -> str:
    """Return how far a circumstance leads: the largest relative difference, and the labels."""
    share = 100 * group["agreeing"].sum() / group["labels"].sum()
    return (
        f"**Apart, {name}**: at most {group['apart'].max():.0e}; the same label in {share:.1f} % "
        f"of {group['labels'].sum():,} predictions."
    )
