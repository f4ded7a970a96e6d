"""The ledger of Part I: what the paper leaves open, our choice, and the other choice's effect."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.book.ledger import Entry
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.evaluation import METRICS
from lib.sound.protocol import Runs
from lib.sound.runs import verdicts

CHOSEN = "as chosen"  # of both kinds of readings, see `experiments`
SHOWN = (verdicts.SPECTRAL, verdicts.AUDIO, verdicts.ALL)


ENTRIES = (
    Entry("size of the training", "50,000 steps of 48 clips", "fewer, smaller", "not measured"),
    Entry("width, mel bands", "1, 128", "as the profile says", "not measured"),
    Entry("audio network", "VGGish", "YAMNet, which comes with the book", "not measured"),
    Entry("image network", "VGG16", "MobileNet v2, at 64 pixels", "not measured"),
    Entry("pictures", "the clips' video", "photographs put beside the sounds", "this chapter, 14"),
    Entry("joining streams", "151 = 151", "by index, as the numbers suggest", "this chapter"),
    Entry("consistency ramp", "not said", "with the learning rate (baselines)", "this chapter"),
    Entry("teacher's mode", "not said", "training mode (baselines)", "this chapter"),
    Entry("teacher's decay", "0.999", "looks back over the same fiftieth", "not measured"),
    Entry("its batch statistics", "not said", "not averaged: it never uses them", "none by design"),
    Entry("offset tolerance", "at most 200 ms", "at least 200 ms (sed_eval)", "this chapter"),
    Entry("class never predicted", "not said", "scores 0", "this chapter"),
    Entry("tags", "clip probabilities", "the same", "this chapter"),
    Entry("frames of untagged classes", "not said", "stay", "this chapter"),
    Entry("best 5 of 20", "on validation", "by the score reported", "this chapter"),
    Entry("sample rate", "22.1 kHz", "22,100 Hz: gives its 604 frames", "chapter 12"),
    Entry("mel bands for VGGish", "128", "64: the network takes no others", "none to choose"),
    Entry("151 frames at 15 fps", "about 15", "the frame nearest to each time", "none to choose"),
    Entry("ramp of the learning rate", "from 0", "exp(-5 (1 - t)^2): from 0.7 %", "not measured"),
    Entry("scale of features", "spectral only", "all, cut at 10 deviations", "not measured"),
    Entry("hidden size 128", "not said", "in each direction", "not measured"),
    Entry("floor of the logarithm", "not said", "-50 dB (DESED baseline)", "not measured"),
    Entry("short clips", "not said", "padded with silence, cut at their end", "not measured"),
    Entry("VGGish output", "last layer", "before ReLU, no PCA (its release)", "not measured"),
    Entry("VGG16 output", "4096 values", "after ReLU (fc7)", "not measured"),
)


def differences() -> pd.DataFrame:
    """Return the entries as a table."""
    return pd.DataFrame([entry.words("effect") for entry in ENTRIES])


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
    mine = [run for run in turned if run.config["inputs"] == list(row)]
    found = protocol.by_share(mine, knob)
    return found.get(1.0, []), found.get(0.0, [])


def placing(runs: Runs) -> pd.DataFrame:
    """Return event F1 where a row and spectral features both have the tag, in percent."""
    reference = runs.get(verdicts.SPECTRAL, [])
    rows = []
    for row, found in runs.items():
        if row != verdicts.SPECTRAL:
            own, other, apart = protocol.given_the_tag(found, reference)
            line = {"row": protocol.short(row), "its event F1": 100 * own}
            rows.append(line | {"that of S": 100 * other, "difference": str(apart)})
    return pd.DataFrame(rows)
