"""What `determinism.measure` found, as table, overview, picture and words; and what is promised."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.results import Result
from lib.book.show import INK, PAGE_WIDTH, PALETTE

BIT_EQUAL, UNMEASURED = "bit-equal", "not measured"
PROMISES = (  # what, how exactly, and the test that holds it
    (
        "a run done again on the same machine with the same versions",
        BIT_EQUAL,
        "tests/book/test_determinism.py::test_the_stored_results_hold_what_is_promised",
    ),
    (
        "a run of a sweep, alone or beside another: each has one thread",
        BIT_EQUAL,
        "tests/book/test_determinism.py::test_the_stored_results_hold_what_is_promised",
    ),
    *(
        (
            f"a training of {part}, interrupted and resumed with as many threads",
            BIT_EQUAL,
            f"tests/{file}::test_a_training_interrupted_at_any_step_ends_at_the_same_bits",
        )
        for part, file in {
            "Part I": "sound/test_training.py",
            "Part II": "faces/test_gan_training.py",
            "Part III": "adversarial/test_training.py",
        }.items()
    ),
    (
        "--deterministic, on x86 processors with AVX2 and with or without AVX-512",
        f"{BIT_EQUAL}, as far as measured above",
        "tests/book/test_determinism.py::test_the_stored_results_hold_what_is_promised",
    ),
    (
        "scores of a shipped network of Part I, measured again on another machine",
        "to half a point: a frame or two may tip",
        "tests/sound/test_checkpoints.py::test_recorded_scores_are_measured_again",
    ),
    (
        "accuracy of a shipped network of Part III, measured again on another machine",
        "to 2 of 10,000 images; under attack within the spread of the images",
        "tests/adversarial/test_checkpoints.py::test_recorded_accuracies_are_measured_again",
    ),
)
Found = Mapping[str, Mapping[str, Result | None]]  # by part's name, then by circumstance
MARGINS = 0.8  # inches above and below the rows of the picture
EQUAL_AT = 1e-9  # where the picture's place for bit-equal lies on its logarithmic axis


def table(found: Found) -> pd.DataFrame:
    """Return one row per circumstance and work, circumstances in the order of the first part.

    Columns: circumstance, against (what it is held against), part, work, bit_equal, weights and
    outputs (the largest difference, relative; NaN where there are none), labels (how many),
    agreeing (share of them, NaN without any), time (CPU seconds, relative to what it is held
    against). Where a circumstance was not measured, work is None and the rest is missing.
    """
    names = dict.fromkeys(name for results in found.values() for name in results)
    rows = [
        {"circumstance": name, "part": part, **row}
        for name in names
        for part, results in found.items()
        for row in _rows(results.get(name))
    ]
    return pd.DataFrame(rows, columns=["circumstance", "against", "part", "work", *_NUMBERS])


_NUMBERS = ("bit_equal", "weights", "outputs", "labels", "agreeing", "time")


def _rows(result: Result | None) -> list[dict[str, object]]:
    """Return what a result says of each work; of no result, that there is none."""
    if result is None:
        return [{"work": None}]
    metrics = result.metrics
    mine, others = (metrics[name]["cpu_seconds"] for name in ("facts", "facts_against"))
    return [
        {
            "against": metrics["against"],
            "work": work,
            "bit_equal": numbers["bit_equal"],
            "weights": math.nan if numbers["weights"] is None else numbers["weights"],
            "outputs": numbers["outputs"],
            "labels": numbers["labels"],
            "agreeing": numbers["agreeing"] / numbers["labels"] if numbers["labels"] else math.nan,
            "time": mine[work] / others[work] if others[work] else math.nan,
        }
        for work, numbers in metrics["works"].items()
    ]


def overview(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per circumstance, one column per work, for a page.

    A cell holds BIT_EQUAL, or the largest relative difference of weights or outputs.
    """
    works = rows["work"].dropna().unique()
    lines = []
    for name, group in rows.groupby("circumstance", sort=False):
        measured = group.dropna(subset="work")
        cells = {row["work"]: cell(row) for _, row in measured.iterrows()}
        against = measured["against"].iloc[0] if len(measured) else None
        lines.append(
            {"circumstance": name, "held against": against}
            | {work: cells.get(work, UNMEASURED) for work in works}
        )
    return pd.DataFrame(lines, columns=["circumstance", "held against", *works])


def apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per work, one column per circumstance in which not all is bit-equal."""
    table = overview(rows).set_index("circumstance").drop(columns="held against").T
    told = [name for name, cells in table.items() if not set(cells) <= {BIT_EQUAL, UNMEASURED}]
    return table[told].rename_axis(index="work", columns=None).reset_index()


def cell(row: pd.Series) -> str:
    """Return what is said of one work under one circumstance."""
    return BIT_EQUAL if row["bit_equal"] else f"{furthest(row):.0e}"


def furthest(row: pd.Series) -> float:
    """Return the larger of the relative differences of weights and outputs."""
    return float(np.nanmax([row["weights"], row["outputs"]]))


def picture(rows: pd.DataFrame) -> Figure:
    """Draw each work's largest relative difference by circumstance; bit-equal has its own place.

    Colours are parts, filled dots float32, hollow ones bfloat16. Circumstances that were not
    measured are left out.
    """
    rows = rows.dropna(subset="work")
    names, parts = list(rows["circumstance"].unique()), list(rows["part"].unique())
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 0.42 * len(names) + MARGINS))
    for (part, half), group in rows.groupby(["part", rows["work"].str.endswith("bfloat16")]):
        shift = (2 * parts.index(part) + half) / (2.6 * len(parts)) - 0.32
        where = [EQUAL_AT if row["bit_equal"] else furthest(row) for _, row in group.iterrows()]
        colour = PALETTE[parts.index(part)]
        axes.scatter(
            where,
            [names.index(name) + shift for name in group["circumstance"]],
            s=18,
            color=colour,
            facecolor="white" if half else colour,
            linewidth=1.4,
            label=f"{part}, {'bfloat16' if half else 'float32'}",
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
    measured = rows.dropna(subset="work")
    groups = dict(iter(measured.groupby("circumstance", sort=False)))
    equal = [name for name, group in groups.items() if group["bit_equal"].all()]
    lines = [f"**Bit-equal in every work measured**: {'; '.join(equal) or 'nothing'}."]
    lines += [_apart(name, group) for name, group in groups.items() if name not in equal]
    missing = [name for name in rows["circumstance"].unique() if name not in groups]
    if missing:
        lines.append(f"**Not measured here**: {'; '.join(missing)}.")
    if (flag := groups.get("--deterministic")) is not None:
        lines.append(_price(flag))
    return "\n\n".join(lines)


def _apart(name: str, group: pd.DataFrame) -> str:
    """Return how far a circumstance leads: the largest relative difference, by precision."""
    told = []
    for half, precision in ((False, "float32"), (True, "bfloat16")):
        rows = group[group["work"].str.endswith("bfloat16") == half]
        if len(rows):
            largest = max((row for _, row in rows.iterrows()), key=furthest)
            told.append(f"{cell(largest)} in {precision}")
    labels = group.dropna(subset="agreeing")
    share = (labels["agreeing"] * labels["labels"]).sum() / labels["labels"].sum()
    return (
        f"**Apart, {name}** (held against {group['against'].iloc[0]}): at most "
        f"{' and '.join(told)}; the same label in {100 * share:.1f} % of "
        f"{labels['labels'].sum():.0f} predictions."
    )


def _price(group: pd.DataFrame) -> str:
    """Return what the flag costs in time."""
    times = ", ".join(f"{row['work']} {row['time']:.1f}" for _, row in group.iterrows())
    return f"**The price of --deterministic**, in CPU time relative to one thread without: {times}."
