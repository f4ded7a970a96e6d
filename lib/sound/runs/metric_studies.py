"""The runs behind the chapter on the metrics, one result file each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib.runs import results, sweep
from lib.runs.results import Result
from lib.sound import evaluation, oracles
from lib.sound.evaluation import METRICS, SCORES
from lib.sound.runs import sources, system_scores
from lib.sound.runs.profiles import MetricsProfile
from lib.sound.runs.system_scores import Scored

Configs = list[dict[str, Any]]
RunOne = Callable[[dict[str, Any]], dict[str, Any]]

PART = "part1"
KEPT_CLIPS = 779  # section 4.1: what the paper could still get of the 880 test clips


def grids(profile: MetricsProfile, data: Scored) -> dict[str, tuple[Configs, RunOne]]:
    """Return by experiment the runs of the chapter, and what computes one."""
    base = {
        "dataset": system_scores.NAME,
        "rung": "original",
        "fingerprint": data.fingerprint,
        "clips": len(data.truth.clips),
        "source": "dcase2018",
    }
    thresholds = base | {"thresholds": list(profile.thresholds)}
    resampled = {"resamples": profile.resamples, "seed": 0, "systems": list(data.systems)}
    rows = [row for row in results.paper("part1_table3")["rows"] if not row["spectral"]]
    tagged = [{"draws": 20, "seed": 0, "clip F1": row["clip"] / 100} for row in rows]
    return {
        "ceilings": ([base | {"ceiling": name} for name in oracles.CEILINGS], ceiling_run),
        "taggers": ([base | each for each in tagged], tagger_run),
        "windows": ([base | {"windows": list(profile.windows)}], windows_run),
        "curves": ([thresholds | {"median": median} for median in profile.medians], curve_run),
        "traps": ([base], traps_run),
        "noise": ([base | resampled], noise_run),
    }


def runs(experiment: str, profile: MetricsProfile, data: Scored) -> list[Result]:
    """Return the results of an experiment; they take seconds, so one process does them all."""
    configs, run_one = grids(profile, data)[experiment]
    code = (*sources.COUNTED, run_one)
    found = sweep.run(PART, experiment, configs, run_one, jobs=1, sources=code)
    return [result for result in found if result is not None]


def ceiling_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of one perfect system with one loss."""
    truth = system_scores.load(config["clips"]).truth
    predicted = oracles.CEILINGS[config["ceiling"]](truth)
    return evaluation.table3_scores(evaluation.all_counts(truth, predicted))


def tagger_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return the mean scores over several draws of the errors, and how far single draws spread."""
    truth = system_scores.load(config["clips"]).truth
    generator = np.random.default_rng(config["seed"])
    erring = [
        oracles.erring_tagger(truth, config["clip F1"], generator) for _ in range(config["draws"])
    ]
    found = [evaluation.table3_scores(evaluation.all_counts(truth, each)) for each in erring]
    values = {name: np.array([scores[name] for scores in found]) for name in METRICS}
    means = {name: float(each.mean()) for name, each in values.items()}
    return means | {"spread": {name: float(each.std()) for name, each in values.items()}}


def windows_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {metric: one score per window}: a perfect tagger, slid over the clips."""
    truth = system_scores.load(config["clips"]).truth
    found = [
        evaluation.table3_scores(evaluation.all_counts(truth, oracles.touching(truth, window)))
        for window in config["windows"]
    ]
    return {name: [scores[name] for scores in found] for name in METRICS}


def curve_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {metric: one score per threshold} and, per class, its event F1 at each threshold."""
    data = system_scores.load(config["clips"])
    rows, by_class = [], []
    for threshold in config["thresholds"]:
        found = evaluation.detect(data.scores, data.truth, threshold, config["median"], data.hop)
        counts = evaluation.all_counts(data.truth, found)
        rows.append(evaluation.table3_scores(counts))
        totals = counts["event"].sum(axis=0).tolist()
        by_class.append([evaluation.f1(*row) for row in totals])
    curves: dict[str, Any] = {name: [row[name] for row in rows] for name in METRICS}
    return curves | {"event by class": by_class}


def traps_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {"ways": one {"counting", "segment", "event"} per way of counting}."""
    data = system_scores.load(config["clips"])
    truth, found = data.truth, next(iter(data.systems.values()))
    by_class = evaluation.event_counts(truth, found).sum(axis=0).tolist()
    worst = int(np.argmin([evaluation.f1(*row) for row in by_class]))
    silent = found.only(found.label != worst)
    eventful = [truth.clips[clip] for clip in np.unique(truth.clip)]
    ask = evaluation.by_sed_eval
    counted = {
        "as it should be": ask(truth, found),
        f"never say {truth.classes[worst]}, whose F1 is then 0": ask(truth, silent),
        "... and let it drop out of the mean": ask(truth, silent, never_predicted="skip"),
        "leave out clips without events": ask(truth.subset(eventful), found.subset(eventful)),
        "offset: min instead of max": ask(truth, found, rule="min"),
    }
    ways = [
        {"counting": way, "segment": scores["segment micro"], "event": scores["event macro"]}
        for way, scores in counted.items()
    ]
    return {"ways": ways}


def in_percent(column: str, found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per name, in a column called `column`, with its scores in percent."""
    rows = []
    for name, scores in found.items():
        shown = {metric: 100 * scores[metric] for metric in METRICS if metric in scores}
        rows.append({column: name} | shown)
    return pd.DataFrame(rows)


def error_at_kept(noise: Result, metric: str, what: str) -> float:
    """Return a standard error in points, for as many clips as the paper kept."""
    kept = noise.metrics[metric]["subsets"]["clips"]
    error = noise.metrics[metric][what]["standard error"]
    return float(100 * error * np.sqrt(noise.config["clips"] / kept))


def noise_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return per metric the bootstrap of two systems, of their difference, and of two near twins.

    The twins are one system at thresholds 0.5 and 0.4: as alike as two systems can well be. Also
    the spread over random subsets of as many clips as the paper kept.
    """
    data, found = system_scores.load(config["clips"]), {}
    one, other = (data.systems[name] for name in config["systems"])
    twin = evaluation.detect(data.scores, data.truth, threshold=0.4, hop=data.hop)
    counts = [evaluation.all_counts(data.truth, events) for events in (one, other, twin)]
    generator = np.random.default_rng(config["seed"])
    kept = min(KEPT_CLIPS, len(data.truth.clips) * KEPT_CLIPS // 880)
    subsets = [generator.permutation(len(data.truth.clips))[:kept] for _ in range(200)]
    for name in METRICS:
        score = SCORES[name]
        three = np.stack([each[name] for each in counts], axis=1)  # (clips, 3, classes, 3)
        statistics = {
            "one": lambda c, score=score: score(c[:, 0]),
            "other": lambda c, score=score: score(c[:, 1]),
            "difference": lambda c, score=score: score(c[:, 0]) - score(c[:, 1]),
            "twins": lambda c, score=score: score(c[:, 0]) - score(c[:, 2]),
        }
        found[name] = {
            what: _described(three, statistic, config) for what, statistic in statistics.items()
        }
        spread = np.std([score(three[subset, 0]) for subset in subsets])
        found[name]["subsets"] = {"clips": kept, "spread": float(spread)}
    return found


def _described(
    counts: np.ndarray, statistic: Callable[[np.ndarray], float], config: dict[str, Any]
) -> dict[str, float]:
    """Return a statistic's value, its 95 % interval and its standard error."""
    ends = evaluation.interval(counts, statistic, config["seed"], config["resamples"])
    return {
        "value": statistic(counts),
        "low": ends[0],
        "high": ends[1],
        "standard error": evaluation.standard_error(ends),
    }
