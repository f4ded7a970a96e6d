"""The ledger of Part I: what the paper leaves open, and the tables of its results."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.runs.results import Result
from lib.sound import evaluation, protocol
from lib.sound.evaluation import METRICS
from lib.sound.events import Events
from lib.sound.protocol import Runs
from lib.sound.runs import experiments, verdicts

CHOSEN = "as chosen"  # of both kinds of readings, see `experiments`
SHOWN = (verdicts.SPECTRAL, verdicts.AUDIO, verdicts.ALL)
COLLARS = (0.05, 0.1, evaluation.COLLAR, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0)  # seconds

OPEN = pd.DataFrame(  # what the paper does not say; where another choice's effect is shown
    [
        ("joining streams", "by index, as its 151 = 151 suggests", "below"),
        ("consistency ramp", "with the learning rate (baselines)", "below"),
        ("teacher's mode", "training mode (baselines)", "below"),
        ("its batch statistics", "not averaged: it never uses them", "none by design"),
        ("class never predicted", "scores 0", "below"),
        ("frames of untagged classes", "stay", "below"),
        ("best 5 of 20 on validation", "by the score reported", "below"),
        ("sample rate of 22.1 kHz", "22,100 Hz: gives its 604 frames", "chapter 12"),
        ("151 frames at about 15 fps", "the frame nearest to each time", None),
        ("scale of pretrained features", "as the spectral, cut at 10 deviations", None),
        ("hidden size 128", "in each direction", None),
        ("floor of the logarithm", "-50 dB (DESED baseline)", None),
        ("short clips", "padded with silence, cut at their end", None),
        ("VGGish output", "before ReLU, no PCA (its release)", None),
        ("VGG16 output", "after ReLU (fc7)", None),
    ],
    columns=["open point", "we take", "effect"],
)


def table3(runs: Runs, paper: Mapping[str, object]) -> pd.DataFrame:
    """Return Table 3 as text: our mean, ± half its interval if it has one, and (the paper's)."""
    rows = []
    for line in protocol.table3(runs, paper).to_dict("records"):
        row = {"row": line["row"], "n": line["n"]}
        for metric in METRICS:
            half = line.get(f"{metric} ±", np.nan)
            ours = f"{line[metric]:.1f}" + ("" if np.isnan(half) else f" ± {half:.1f}")
            row[metric] = f"{ours} ({line[f'{metric}, paper']:.1f})"
        rows.append(row)
    return pd.DataFrame(rows)


def commonest(runs: Runs) -> dict[str, object]:
    """Return the line of Table 3 of one who hears nothing, see `protocol.always_commonest`."""
    found = []
    for run in max(runs.values(), key=len, default=[]):
        truth = experiments.corpus_of(run.config).strong["test"]
        counts = evaluation.all_counts(truth, protocol.always_commonest(truth))
        found.append(evaluation.table3_scores(counts))
    means = {name: 100 * np.mean([each[name] for each in found]) for name in METRICS if found}
    line = {name: f"{mean:.1f}" for name, mean in means.items()}
    return {"row": "the commonest class", "n": len(found), **line}


def counting(runs: Runs) -> pd.DataFrame:
    """Return the mean scores of some rows as other readings of the metrics count them."""
    rows = []
    for row in (row for row in SHOWN if row in runs):
        names = runs[row][0].metrics["readings"]
        for reading in [CHOSEN, *(name for name in names if name != CHOSEN)]:
            line: dict[str, object] = {"row": protocol.short(row), "reading": reading}
            for metric in METRICS:
                values = [run.metrics["readings"][reading][metric] for run in runs[row]]
                line[metric] = 100 * float(np.mean(values))
            rows.append(line)
    return pd.DataFrame(rows)


def gains(pairs: Mapping[str, tuple[Sequence[Result], Sequence[Result]]]) -> pd.DataFrame:
    """Return how much higher the first runs of each pair score than the second, in points."""
    rows = []
    for name, (higher, lower) in pairs.items():
        found = {each: str(protocol.difference(higher, lower, each)) for each in METRICS}
        rows.append({"what": name, **found})
    return pd.DataFrame(rows)


def ends(
    turned: Sequence[Result], row: protocol.Row, knob: str
) -> tuple[list[Result], list[Result]]:
    """Return the runs of a row with a knob at all, and at none; none where none were trained."""
    found = protocol.by_share(turned, row, knob)
    return found.get(1.0, []), found.get(0.0, [])


def placing(runs: Runs) -> pd.DataFrame:
    """Return event F1 where a row and spectral features both have the tag, in percent."""
    reference = runs.get(verdicts.SPECTRAL, [])
    rows = []
    for row, found in runs.items():
        if row != verdicts.SPECTRAL:
            own, other, apart, shared = protocol.given_the_tag(found, reference)
            line = {"row": protocol.short(row), "shared tags": shared, "its event F1": 100 * own}
            rows.append(line | {"that of S": 100 * other, "difference": str(apart)})
    return pd.DataFrame(rows)


def by_collar(found: Sequence[Result]) -> dict[int, np.ndarray]:
    """Return by rotation the event F1 at each of `COLLARS`, counted from the stored probabilities.

    The offset may be off by the collar or a fifth of the event's length, whichever is more.
    """
    scores = {}
    for run in found:
        truth, predicted = _events(run)
        counts = [evaluation.event_counts(truth, predicted, collar=each) for each in COLLARS]
        scores[run.config["seed"]] = np.array([evaluation.macro_f1(each) for each in counts])
    return scores


def filling(found: Sequence[Result]) -> list[float]:
    """Return of each run how much more often it finds events that fill their clip than others.

    An event fills its clip if both ends lie within the collar of the clip's own; found is what is
    paired with a predicted event (`evaluation.match`).
    """
    values = []
    for run in found:
        truth, predicted = _events(run)
        hit = evaluation.match(truth, predicted) >= 0
        ends = truth.durations[truth.clip] - evaluation.COLLAR
        fills = (truth.onset <= evaluation.COLLAR) & (truth.offset >= ends)
        if fills.any() and not fills.all():
            values.append(float(hit[fills].mean() - hit[~fills].mean()))
    return values


def _events(run: Result) -> tuple[Events, Events]:
    """Return the true events of a run's test clips and those that it finds there."""
    truth = experiments.corpus_of(run.config).strong["test"]
    return truth, evaluation.detect(protocol.probabilities(run).frame.numpy(), truth)
