"""What the first and the last page show, against what was counted, measured and drawn by hand."""

import json
from pathlib import Path

import pytest

from lib.book import overview
from lib.book.chapters import chapters


def test_minutes_are_summed_over_the_chapters_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {path.stem: {"quick": {"minutes": 0.25}} for path in chapters()}
    monkeypatch.setattr(overview.costs, "known", lambda: known)
    assert overview.minutes(["33", "35"], "quick") == "0.5 min"
    assert overview.minutes(["30-35"], "quick") == "1.5 min"
    assert overview.minutes(["30-35"], "paper") == "not measured yet"
    known["33_adversarial_results"] = {}
    assert overview.minutes(["33", "35"], "quick") == "not measured yet"  # no half of a sum
    with pytest.raises(ValueError, match="no chapter '99'"):
        overview.minutes(["99"], "quick")


def test_hours_count_what_was_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "REPOSITORY", tmp_path)

    def write(name: str, seconds: float, **more: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"provenance": {"seconds": seconds}, **more}))

    write("data/results/part1/table3/a.json", 1800)
    write("data/results/part1/probes/b.json", 900)
    write("data/checkpoints/part1_open_a.json", 1800, result="a")  # the training of a result
    write("data/checkpoints/part1_small_audio.json", 900)
    write("data/results/part2/recognition/c.json", 7200)
    assert overview.process_hours("part1") == pytest.approx(1.0)
    assert overview.process_hours("part2") == pytest.approx(2.0)
    assert overview.process_hours("part3") == 0
