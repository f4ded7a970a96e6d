"""What features know about *what* sounds, and about *when*: linear probes (section 5).

A probe is the simplest reader that there is: a logistic regression on features averaged over a
clip, learnt from weak labels, one per class. Read frame by frame, the same probe shows how sharply
its features follow an onset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from lib.sound import evaluation, features, pretrained
from lib.sound.crnn import INPUTS
from lib.sound.evaluation import COLLAR
from lib.sound.events import Events
from lib.sound.features import FRAMES, GRID, GRID_TIMES, POOLED, Standardiser

REGULARISATION = 0.1  # C of the logistic regression
ITERATIONS = 3000
MARGIN = 1.2  # seconds of silence before, and of sound after, an onset that is looked at
SETTLED = 0.6  # seconds from the onset from where on a step counts as done; over half a window
LAGS = np.arange(-20, 21) * 0.06  # seconds, -MARGIN to MARGIN
RESAMPLES = 1000
WIDTHS = np.arange(1, 101) * 0.02  # seconds, of the rises that are tried
CENTRES = np.arange(-40, 41) * 0.02  # seconds after the onset
NEVER = 20.0  # logit of what cannot be learnt
ENDS = (0.025, 0.975)


def standardised(frames: np.ndarray, scale: Standardiser) -> np.ndarray:
    """Return a clip's frames (151, n) as the networks are given them, float32."""
    return features.standardised(frames, scale).float().numpy()


def grid_features(values: np.ndarray) -> np.ndarray:
    """Return features of any stream on the grid of 151 frames, (..., 151, n).

    Four frames of the spectrogram become their mean, as in the network's pooling; patches are
    joined by time. For the rows see `features.STREAMS`.
    """
    if values.shape[-2] == FRAMES:
        grouped = values.reshape(*values.shape[:-2], GRID, POOLED, -1)
        return grouped.mean(axis=-2, dtype=np.float32)
    return features.on_grid(values, "time")


def expected_shift(times: np.ndarray) -> np.ndarray:
    """Return how many seconds too late features joined by index tell of given times, (n,)."""
    inside = features.patch_times()[features.UNPADDED]
    return np.interp(times, inside, GRID_TIMES) - times


@dataclass(frozen=True, eq=False)
class Probe:
    """One logistic regression per class: `weights` (n, classes) and `bias` (classes,)."""

    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, inputs: np.ndarray, targets: np.ndarray) -> "Probe":
        """Return probes learnt from clips.

        Args:
            inputs: (clips, n).
            targets: (clips, classes) of 0 and 1; a class that is in all clips or in none tells
                nothing, and its probe always says so.
        """
        weights = np.zeros((inputs.shape[1], targets.shape[1]))
        bias = np.where(targets.all(axis=0), NEVER, -NEVER)
        for label in np.flatnonzero(targets.min(axis=0) < targets.max(axis=0)):
            learner = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS)
            learner.fit(inputs, targets[:, label])
            weights[:, label], bias[label] = learner.coef_[0], learner.intercept_[0]
        return cls(weights, bias)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the logit of each class for (..., n) features, (..., classes) float64."""
        return inputs @ self.weights + self.bias


def scored(logits: np.ndarray, truth: Events) -> dict[str, Any]:
    """Return how well clips are tagged.

    Args:
        logits: (clips, classes).
        truth: labels of these clips.

    Returns:
        Clip-based micro `F1` at probability 0.5 with its 95 % `interval` over clips, and the
        average precision `by class` (None where no clip has it) with its `mean`.
    """
    counts = evaluation.clip_counts(truth.tags, logits > 0)
    precision = [
        float(average_precision_score(there, found)) if there.any() else None
        for there, found in zip(truth.tags.T, logits.T, strict=True)
    ]
    return {
        "F1": evaluation.micro_f1(counts),
        "interval": list(evaluation.interval(counts, evaluation.micro_f1, resamples=RESAMPLES)),
        "by class": precision,
        "mean": float(np.mean([value for value in precision if value is not None])),
    }


def steps(logits: np.ndarray, truth: Events, onsets: np.ndarray) -> dict[str, Any]:
    """Return how a probe's response rises at onsets of its class.

    Args:
        logits: (clips, 151, classes).
        truth: labels of these clips.
        onsets: (n,) which events to look at, see `clear_onsets`.

    Returns:
        The `mean` response over LAGS, 0 long before the onset, in units of the `contrast` between
        clips with the class and clips without; the `height` that it has reached long after;
        `sharp`, which share of this rise falls within the collar of 0.2 s around the onset, 0
        where there is none;
        `centre` in seconds of the rise, see `centre_of_rise`; the 95 % interval of each over
        onsets; how many `onsets` there are.
    """
    if not len(onsets):
        raise ValueError("no event has a clear onset; take more clips")
    responses = np.array([response(logits, truth, onset) for onset in onsets])
    drawn = np.random.default_rng(0).integers(len(onsets), size=(RESAMPLES, len(onsets)))
    means = np.concatenate([responses.mean(axis=0)[None], responses[drawn].mean(axis=1)])
    means -= means[:, LAGS < -SETTLED].mean(axis=1, keepdims=True)
    means /= contrasts(logits, truth)[truth.label[onsets]].mean()
    height = means[:, LAGS > SETTLED].mean(axis=1)
    around = np.array([np.interp((-COLLAR, COLLAR), LAGS, mean) for mean in means])
    values = {
        "height": height,
        "sharp": np.divide(np.diff(around)[:, 0], height, where=height != 0, out=height * 0),
        "centre": centre_of_rise(means),
    }
    found = {name: float(each[0]) for name, each in values.items()}
    ends = {
        f"{name} interval": np.quantile(each[1:], ENDS).tolist() for name, each in values.items()
    }
    band = np.quantile(means[1:], ENDS, axis=0).round(4).tolist()
    curve = {"mean": means[0].round(4).tolist(), "mean interval": band}
    return {**found, **ends, **curve, "onsets": len(onsets)}


def response(logits: np.ndarray, truth: Events, event: int) -> np.ndarray:
    """Return the logit of an event's class at LAGS after its onset, (lags,)."""
    own = logits[truth.clip[event], :, truth.label[event]]
    return np.interp(truth.onset[event] + LAGS, GRID_TIMES, own)


def contrasts(logits: np.ndarray, truth: Events) -> np.ndarray:
    """Return by how much each class's mean (clips, frames, classes) logit is higher where it is."""
    means, tags = logits.mean(axis=1), truth.tags
    number = np.stack([tags.sum(axis=0), (~tags).sum(axis=0)])
    sums = np.stack([(means * tags).sum(axis=0), (means * ~tags).sum(axis=0)])
    inside, outside = sums / np.maximum(number, 1)
    return inside - outside


def centre_of_rise(responses: np.ndarray) -> np.ndarray:
    """Return the centre of the straight rise, of any length, that explains each response best.

    Of (n, lags) responses, of any height above any ground, (n,) seconds after the onset.
    """
    width, centre = (each.ravel() for each in np.meshgrid(WIDTHS, CENTRES))
    rises = np.clip((LAGS - centre[:, None]) / width[:, None] + 0.5, 0, 1)
    rises -= rises.mean(axis=1, keepdims=True)
    rises /= np.linalg.norm(rises, axis=1, keepdims=True)
    best = (responses @ rises.T).argmax(axis=1)  # of unit length: the largest explains most
    return centre[best]


# --- tables


def when_table(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the steps of several inputs as text, each value with its 95 % interval.

    Where the rise may as well be none, when it comes cannot be said.
    """
    rows = []
    for name in INPUTS:
        each = found[name]
        rises = each["height interval"][0] > 0
        row = {
            "features": name,
            "onsets": each["onsets"],
            "height of the step": _between(each, "height"),
        }
        row["of it within 0.2 s of the onset"] = _between(each, "sharp") if rises else None
        row["its centre, s"] = _between(each, "centre") if rises else None
        rows.append(row)
    return pd.DataFrame(rows).astype(object)


def _between(found: Mapping[str, Any], name: str) -> str:
    """Return a value and its interval as text."""
    low, high = found[f"{name} interval"]
    return f"{found[name]:.2f} [{low:.2f}, {high:.2f}]"


def networks_table(used: Sequence[str]) -> pd.DataFrame:
    """Return the networks whose outputs may be features: outputs, parameters, trained on what."""
    rows = []
    for name, network in pretrained.NETWORKS.items():
        row: dict[str, Any] = {
            "network": name,
            "in the place of": network.instead_of or "the paper's",
            "trained on": network.trained_on,
            "outputs": network.dimensions,
            "parameters": f"{parameters(name):,}",
        }
        rows.append(row | {"used": "yes" if name in used else ""})
    return pd.DataFrame(rows)


def parameters(name: str) -> int:
    """Return how many weights a network has up to the outputs that are taken, without loading them.

    Batch normalisation counts as far as it is not part of other weights.
    """
    with torch.device("meta"):
        network = pretrained.NETWORKS[name].form()
    heads = () if name == "vgg16" else ("classifier.",)  # whose classifier holds hidden layers
    own = network.named_parameters()
    return sum(weight.numel() for key, weight in own if not key.startswith(heads))
