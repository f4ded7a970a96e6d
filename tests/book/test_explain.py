"""Where a number comes from: a figure names its results, and a command says it for any file."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.book import claims
from lib.book.files import REPOSITORY
from lib.runs import explain, results
from lib.runs.checkpoints import file_digest
from lib.runs.results import Result

WEIGHTS = REPOSITORY / "data" / "checkpoints" / "part3_original_natural.safetensors"


def run(epsilon: float = 0.1, seconds: float = 1.5, **config: Any) -> Result:
    """Return a result whose config is nested."""
    made = {"epsilon": epsilon, "images": 7, "training": {"steps": 40, "seed": 0}, **config}
    origin = results.provenance(seconds, "mnist", "original")
    return Result("part3", "attack", made, {"flagged": 3, "test_images": 9}, origin)


def said(file: Path) -> Any:
    """Return what is explained of a file."""
    return yaml.safe_load(explain.explain(file))


def test_results_are_named_by_their_files_each_once() -> None:
    found = explain.files([run(0.2), None, run(0.1), run(0.2)])
    places = (results.location("part3", "attack", run(each).config) for each in (0.1, 0.2))
    assert found == sorted(place.relative_to(REPOSITORY).as_posix() for place in places)


def test_of_a_figure_it_is_said_what_its_results_have_in_common(tmp_path: Path) -> None:
    runs = [run(0.1), run(0.2, seconds=2.5), run(0.3, training={"steps": 5})]
    sources = [str(results.save(each, tmp_path)) for each in runs]
    file = tmp_path / "dots.json"
    file.write_text(json.dumps({"caption": "Dots.", "sources": sources}))
    file.with_suffix(".png").touch()
    found = said(file)
    assert found == said(file.with_suffix(".png"))
    assert found["caption"] == "Dots." and found["sources"] == sources
    together = found["together"]
    assert (together["results"], together["seconds"], together["images"]) == (3, 6, 7)
    assert {"code", "processor", "device", "torch_threads", "rung"} <= together.keys()
    assert not together.keys() & {"epsilon", "training"}


def test_a_result_is_explained_if_it_is_whole(tmp_path: Path) -> None:
    file = results.save(run(), tmp_path)
    found = said(file)
    assert found["key"] == file.stem and found["config"]["epsilon"] == 0.1
    assert found["metrics"] == ["flagged", "test_images"]
    assert found["provenance"]["seconds"] == 1.5
    file.write_text(file.read_text().replace("0.1", "0.2"))
    with pytest.raises(ValueError, match="was altered or moved"):
        explain.explain(file)


def test_weights_and_claims_are_explained() -> None:
    found = said(WEIGHTS)
    assert found == said(WEIGHTS.with_suffix(".json"))
    assert found["digest of the weights"] == file_digest(WEIGHTS)
    assert found["run"]["training"]["name"] == "natural"
    recorded = said(REPOSITORY / "figures" / "quick" / "claims.json")
    assert {each["direction"] for each in recorded} <= set(claims.DIRECTIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is damaged"),
        ('{"digest": "", "metrics": {}}', "damaged .*; delete it"),
        (None, r"no .*x\.json, or no JSON beside it"),
    ],
)
def test_another_file_is_refused_in_one_line(
    text: str | None, expected: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=expected) as raised:
        explain.explain(file)
    assert "\n" not in str(raised.value)


def test_the_command_prints_it_or_one_line_of_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert explain.main([str(WEIGHTS)]) == 0
    assert capsys.readouterr().out == explain.explain(WEIGHTS)
    with pytest.raises(SystemExit) as ended:
        explain.main(["nowhere.json"])
    assert ended.value.code == 1
    found = capsys.readouterr()
    assert found.err.count("\n") == 1 and not found.out
