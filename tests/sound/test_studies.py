"""The runs of the metrics chapter, on a few clips of the test set."""

from dataclasses import replace

import numpy as np
import pytest

from lib.book.files import REPOSITORY
from lib.runs import results
from lib.runs.results import Result
from lib.sound import evaluation
from lib.sound.runs import metric_studies, profiles
from lib.sound.runs.system_scores import Scored

PROFILE = replace(profiles.METRICS["smoke"], resamples=20, thresholds=(0.5,), medians=(7,))

pytestmark = pytest.mark.usefixtures("private_results", "no_open_figures")


def only(experiment: str, data: Scored) -> Result:
    """Return the one run of an experiment at the test's size."""
    (run,) = metric_studies.runs(experiment, PROFILE, data)
    return run


def test_the_stored_results_are_those_of_the_committed_lists(real: Scored) -> None:
    folder = REPOSITORY / "data" / "results" / "part1"
    for experiment, (configs, _) in metric_studies.grids(profiles.METRICS["quick"], real).items():
        expected = {results.location("part1", experiment, config).stem for config in configs}
        assert {path.stem for path in (folder / experiment).iterdir()} == expected


def test_the_curve_at_the_paper_setting_is_the_scores_cut_and_filtered(few: Scored) -> None:
    run = only("curves", few)
    active = evaluation.median_filter(evaluation.decide(few.scores))
    counts = evaluation.all_counts(few.truth, evaluation.decode(active, few.truth, few.hop))
    expected = evaluation.table3_scores(counts)
    assert {name: run.metrics[name][0] for name in evaluation.METRICS} == expected
    assert np.mean(run.metrics["event by class"]) == pytest.approx(expected["event"])


def test_silence_pays_where_it_is_not_counted(few: Scored) -> None:
    ways = only("traps", few).metrics["ways"]
    honest, silent, dropped = (way["event"] for way in ways[:3])
    assert silent <= honest < dropped
    assert ways[4]["event"] < honest and ways[3]["segment"] >= ways[0]["segment"]


def test_taggers_and_windows_lose_what_they_should(few: Scored) -> None:
    config = {"clips": len(few.truth.clips), "draws": 3, "seed": 0}
    sure, erring = (metric_studies.tagger_run(config | {"clip F1": score}) for score in (1.0, 0.7))
    assert sure["spread"]["event"] == 0 and erring["spread"]["event"] > 0
    assert erring["event"] < sure["event"]
    run = only("windows", few)  # the first is a window of nothing
    assert [run.metrics[name][0] for name in evaluation.METRICS] == [1.0, 1.0, 1.0]
    assert run.metrics["event"] == sorted(run.metrics["event"], reverse=True)


def test_the_noise_of_a_difference_is_paired(few: Scored) -> None:
    run = only("noise", few)
    found = run.metrics["segment"]
    difference = found["one"]["value"] - found["other"]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)
    assert found["twins"]["standard error"] < found["difference"]["standard error"]
    assert found["subsets"]["clips"] == 35
    expected = np.sqrt((1 / 35 - 1 / 40) * 40)  # of a mean, drawn without replacement
    share = found["subsets"]["spread"] / found["one"]["standard error"]
    assert share == pytest.approx(expected, abs=0.12)
    of_fewer = metric_studies.error_at_kept(run, "segment", "one")  # in points
    assert of_fewer / (100 * found["one"]["standard error"]) == pytest.approx(np.sqrt(40 / 35))
