"""Where a number comes from: each figure says it, and a command prints it for any file."""

from pathlib import Path
from typing import Any

import pytest

from lib.book import claims
from lib.book.claims import Claim, Reading, Source
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


def put_together(shared: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return what is shared and what is a source's own as one, the oracle of `summary`."""
    both = dict(shared)
    for name, value in own.items():
        nested = isinstance(value, dict) and isinstance(shared.get(name), dict)
        both[name] = put_together(shared[name], value) if nested else value
    return both


def test_what_all_share_is_said_once_and_the_rest_for_each() -> None:
    runs = [run(0.1), run(0.2, seconds=2.5), run(0.2, training={"steps": 40, "seed": 1})]
    found = explain.summary([*runs, None])
    assert (found["count"], found["seconds"]) == (3, 5.5)
    assert found["n"] == {"images": 7, "test_images": 9}
    assert found["shared"]["config"] == {"images": 7, "training": {"steps": 40}}
    assert found["shared"]["experiment"] == "part3/attack"
    assert {"code", "processor", "device", "torch_threads", "rung"} <= set(
        found["shared"]["provenance"]
    )
    for own in found["each"]:
        assert set(own) == {"file", "config", "provenance"}
        assert set(own["config"]) <= {"epsilon", "training"}
        assert own["config"]["training"].keys() == {"seed"}
        assert own["provenance"].keys() == {"seconds"}


def test_nothing_is_lost_whatever_is_shared() -> None:
    runs = [run(0.1), run(0.2, training={"steps": 5}), run(0.3, images=8, training=None)]
    found = explain.summary(runs)
    assert explain.as_json({"sources": explain.summary(runs[::-1])}) == explain.as_json(
        {"sources": found}
    )
    whole = {own.pop("file"): put_together(found["shared"], own) for own in found["each"]}
    for each in runs:
        file = explain.relative(results.location("part3", "attack", each.config))
        assert whole[file]["config"] == each.config
        assert whole[file]["provenance"]["seconds"] == each.provenance["seconds"]
    assert found["n"]["images"] == [7, 8]
    twice = explain.summary([run(), run()])  # a source given twice counts once
    assert twice["count"] == 1 and twice["seconds"] == 1.5
    assert explain.summary([None]) == {"count": 0, "each": []}


def described(folder: Path) -> Path:
    """Write the JSON of a figure of two sources, and a picture beside it."""
    content = {"caption": "Dots.", "networks": {}, "sources": explain.summary([run(), run(0.2)])}
    (folder / "dots.json").write_text(explain.as_json(content))
    (folder / "dots.png").write_bytes(b"")
    return folder / "dots.json"


def test_a_figure_is_explained_by_its_json_or_its_picture(tmp_path: Path) -> None:
    file = described(tmp_path)
    text = explain.explain(file)
    assert text == explain.explain(file.with_suffix(".png"))
    for words in ("caption: Dots.", "networks: –", "count: 2", "processor: ", "steps: 40"):
        assert words in text
    assert text.splitlines()[-1].endswith(("epsilon 0.1", "epsilon 0.2"))


def test_a_result_is_explained_if_it_is_whole(tmp_path: Path) -> None:
    file = results.save(run(), tmp_path)
    text = explain.explain(file)
    for words in (f"key: {file.stem}", "epsilon: 0.1", "seconds: 1.5", "metrics: flagged, test"):
        assert words in text
    file.write_text(file.read_text().replace("0.1", "0.2"))
    with pytest.raises(ValueError, match="was altered after the run"):
        explain.explain(file)


def test_weights_are_explained_with_their_digest() -> None:
    text = explain.explain(WEIGHTS)
    assert text == explain.explain(WEIGHTS.with_suffix(".json"))
    assert f"digest of the weights: {file_digest(WEIGHTS)}\n" in text
    assert "name: natural" in text and "processor: " in text


def test_claims_are_explained(tmp_path: Path) -> None:
    chapter, evidence = "33_adversarial_results", claims.OWN
    source = Source("part3", "mnist", "original", "quick", chapter, evidence, "images")
    reading = Reading("natural", 0.5, 0.61, 0.6, 0.7, 1000, claims.FAILS)
    file = claims.record([Claim("all are flagged", "IV", (reading,), source)], tmp_path)
    text = explain.explain(file)
    for words in ("part3, all are flagged:", "  n: 1000", "direction: fails", "rung: original"):
        assert words in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is damaged"),
        ('{"minutes": 1}', "is no figure, result, weights or claims.json"),
        ('[{"part": "part3"}]', "holds no claims"),
        ('{"digest": "", "metrics": {}}', "damaged .*; delete it"),
        (None, r"there is no .*x\.json"),
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
    assert capsys.readouterr().out == explain.explain(WEIGHTS) + "\n"
    with pytest.raises(SystemExit) as ended:
        explain.main(["nowhere.json"])
    assert ended.value.code == 1
    found = capsys.readouterr()
    assert found.err.count("\n") == 1 and not found.out
