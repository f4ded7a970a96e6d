"""The runs behind the chapter on the metrics, one result file each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.book import results, sweep
from lib.book.results import Result
from lib.sound import evaluation, oracles, scored
from lib.sound.evaluation import METRICS, SCORES
from lib.sound.profiles import MetricsProfile
from lib.sound.scored import Scored

Configs = list[dict[str, Any]]
RunOne = Callable[[dict[str, Any]], dict[str, Any]]

PART = "part1"
KEPT_CLIPS = 779  # section 4.1: what the paper could still get of the 880 test clips


def base_config(data: Scored) -> dict[str, Any]:
    """Return what every run of the chapter depends on."""
    return {
        "dataset": data.name,
        "rung": data.rung,
        "fingerprint": data.fingerprint,
        "clips": len(data.truth.clips),
        "source": "drawn" if data.rung == "embedded" else "dcase2018",
    }


def _data(config: dict[str, Any]) -> Scored:
    """Return the test set of a run."""
    if config["source"] == "drawn":
        return scored.load("drawn", config["clips"])
    return scored.load(config["source"])


def _run(experiment: str, configs: Configs, run_one: RunOne) -> list[Result]:
    """Return the result of each config; the runs take seconds, so one process does them all."""
    found = sweep.run(PART, experiment, configs, run_one, jobs=1)
    return [result for result in found if result is not None]


def grids(profile: MetricsProfile, data: Scored) -> dict[str, tuple[Configs, RunOne]]:
    """Return by experiment the runs of the chapter, and what computes one."""
    published = results.paper("part1_table3")["rows"]
    clip_scores = [row["clip"] / 100 for row in published if not row["spectral"]]
    return {
        "ceilings": (ceiling_grid(data), ceiling_run),
        "taggers": (tagger_grid(data, clip_scores), tagger_run),
        "windows": ([windows_config(profile, data)], windows_run),
        "curves": (curve_grid(profile, data), curve_run),
        "traps": ([base_config(data)], traps_run),
        "noise": ([noise_config(profile, data)], noise_run),
    }


def ceilings(data: Scored) -> list[Result]:
    """Return the three scores of each of `oracles.CEILINGS`."""
    return _run("ceilings", ceiling_grid(data), ceiling_run)


def ceiling_grid(data: Scored) -> Configs:
    """Return the runs of `ceilings`."""
    base = base_config(data)
    return [base | {"ceiling": name} for name in oracles.CEILINGS]


def ceiling_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of one perfect system with one loss."""
    truth = _data(config).truth
    predicted = oracles.CEILINGS[config["ceiling"]](truth)
    return evaluation.table3_scores(evaluation.all_counts(truth, predicted))


def taggers(data: Scored, scores: Sequence[float], draws: int = 20) -> list[Result]:
    """Return for each clip F1 what a tagger with that score gets that never localises."""
    return _run("taggers", tagger_grid(data, scores, draws), tagger_run)


def tagger_grid(data: Scored, scores: Sequence[float], draws: int = 20) -> Configs:
    """Return the runs of `taggers`."""
    base = base_config(data) | {"draws": draws, "seed": 0}
    return [base | {"clip F1": score} for score in scores]


def tagger_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return the mean scores over several draws of the errors, and how far single draws spread."""
    truth, generator = _data(config).truth, np.random.default_rng(config["seed"])
    drawn = [
        oracles.erring_tagger(truth, config["clip F1"], generator) for _ in range(config["draws"])
    ]
    found = [evaluation.table3_scores(evaluation.all_counts(truth, each)) for each in drawn]
    values = {name: np.array([scores[name] for scores in found]) for name in METRICS}
    means = {name: float(each.mean()) for name, each in values.items()}
    return means | {"spread": {name: float(each.std()) for name, each in values.items()}}


def windows(profile: MetricsProfile, data: Scored) -> Result:
    """Return the scores of a perfect tagger slid over the clips, over its window's length."""
    return sweep.only(_run("windows", [windows_config(profile, data)], windows_run))


def windows_config(profile: MetricsProfile, data: Scored) -> dict[str, Any]:
    """Return the run of `windows`."""
    return base_config(data) | {"windows": list(profile.windows)}


def windows_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {metric: one score per window}, the window touching the event."""
    truth = _data(config).truth
    found = [
        evaluation.table3_scores(evaluation.all_counts(truth, oracles.touching(truth, window)))
        for window in config["windows"]
    ]
    return {name: [scores[name] for scores in found] for name in METRICS}


def curves(profile: MetricsProfile, data: Scored) -> list[Result]:
    """Return for each median filter the scores over the thresholds."""
    return _run("curves", curve_grid(profile, data), curve_run)


def curve_grid(profile: MetricsProfile, data: Scored) -> Configs:
    """Return the runs of `curves`."""
    base = base_config(data) | {"thresholds": list(profile.thresholds)}
    return [base | {"median": median} for median in profile.medians]


def curve_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {metric: one score per threshold} and, per class, its event F1 at each threshold."""
    data = _data(config)
    rows, by_class = [], []
    for threshold in config["thresholds"]:
        active = evaluation.decide(data.scores, threshold)
        active = evaluation.median_filter(active, config["median"])
        counts = evaluation.all_counts(data.truth, evaluation.decode(active, data.truth, data.hop))
        rows.append(evaluation.table3_scores(counts))
        totals = counts["event"].sum(axis=0).tolist()
        by_class.append([evaluation.f1(*row) for row in totals])
    found: dict[str, Any] = {name: [row[name] for row in rows] for name in METRICS}
    return found | {"event by class": by_class}


def traps(data: Scored) -> Result:
    """Return the scores of one system under five ways of counting, all by sed_eval."""
    return sweep.only(_run("traps", [base_config(data)], traps_run))


def traps_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return {"ways": one {"counting", "segment", "event"} per way of counting}."""
    data = _data(config)
    truth, found = data.truth, next(iter(data.systems.values()))
    by_class = evaluation.event_counts(truth, found).sum(axis=0).tolist()
    worst = int(np.argmin([evaluation.f1(*row) for row in by_class]))
    said = found.label != worst
    silent = found.replaced(
        found.clip[said], found.label[said], found.onset[said], found.offset[said]
    )
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


def noise_table(noise: Result) -> list[dict[str, Any]]:
    """Return one row per metric: score, interval and standard errors in points (see `noise_run`).

    The errors are those of as many clips as the paper kept.
    """
    rows = []
    for metric in METRICS:
        one = noise.metrics[metric]["one"]
        row = {"metric": metric, noise.config["systems"][0]: 100 * one["value"]}
        row |= {"95 % from": 100 * one["low"], "to": 100 * one["high"]}
        row |= {"error": error_at_kept(noise, metric, "one")}
        row |= {"of a difference": error_at_kept(noise, metric, "difference")}
        row |= {"of near twins": error_at_kept(noise, metric, "twins")}
        rows.append(row | {"of the clips lost": 100 * noise.metrics[metric]["subsets"]["spread"]})
    return rows


def tagger_table(rows: Sequence[Mapping[str, Any]], found: Sequence[Result]) -> pd.DataFrame:
    """Return rows of Table 3 beside taggers that never localise, in percent (see `tagger_run`)."""
    return pd.DataFrame(
        [
            {
                "clip": row["clip"],
                "segment": row["segment"],
                "segment, never localising": 100 * run.metrics["segment"],
                "event": row["event"],
                "event, never localising": 100 * run.metrics["event"],
                "+-": 100 * run.metrics["spread"]["event"],
            }
            for row, run in zip(rows, found, strict=True)
        ],
        index=pd.Index([row_name(row) for row in rows], name="features"),
    ).reset_index()


def row_name(row: Mapping[str, Any]) -> str:
    """Return which features a row of Table 3 uses, as "S + A + V"."""
    kinds = {"spectral": "S", "auditory": "A", "visual": "V"}
    return " + ".join(letter for kind, letter in kinds.items() if row[kind])


def error_at_kept(noise: Result, metric: str, what: str) -> float:
    """Return a standard error in points, for as many clips as the paper kept."""
    kept = noise.metrics[metric]["subsets"]["clips"]
    error = noise.metrics[metric][what]["standard error"]
    return float(100 * error * np.sqrt(noise.config["clips"] / kept))


def noise(profile: MetricsProfile, data: Scored, seed: int = 0) -> Result:
    """Return how far scores, and differences between two systems, hang on the clips drawn."""
    return sweep.only(_run("noise", [noise_config(profile, data, seed)], noise_run))


def noise_config(profile: MetricsProfile, data: Scored, seed: int = 0) -> dict[str, Any]:
    """Return the run of `noise`."""
    config = base_config(data) | {"resamples": profile.resamples, "seed": seed}
    return config | {"systems": list(data.systems)}


def noise_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return per metric the bootstrap of two systems, of their difference, and of two near twins.

    The twins are one system at thresholds 0.5 and 0.4: as alike as two systems can well be. Also
    the spread over random subsets of as many clips as the paper kept.
    """
    data, found = _data(config), {}
    one, other = (data.systems[name] for name in config["systems"])
    active = evaluation.median_filter(evaluation.decide(data.scores, 0.4))
    twin = evaluation.decode(active, data.truth, data.hop)
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
