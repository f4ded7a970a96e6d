"""The results store: round trip, keys, damage, full disks, and the join with the paper."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lib.runs import results
from lib.runs.results import Result

CONFIG = {"epsilon": 0.1, "model": "natural", "steps": 40, "box": [0, 1], "seed": None}
RESULT = Result("part3", "attack", CONFIG, {"accuracy": 0.1 + 0.2, "flagged": 7}, {"seconds": 1.5})


def test_a_result_survives_the_round_trip(tmp_path: Path) -> None:
    target = results.save(RESULT, tmp_path)
    assert target == tmp_path / "part3" / "attack" / f"{results.key(CONFIG)}.json"
    assert results.load(target) == RESULT
    assert results.find("part3", "attack", CONFIG, tmp_path) == RESULT
    assert results.find("part3", "attack", {"epsilon": 0.2}, tmp_path) is None


def test_the_key_is_fixed_for_ever() -> None:
    assert results.key({"b": [1, 2], "a": 0.1}) == "deb925af18b3be3b"  # stored results hang on it
    assert results.key({"a": 0.1, "b": (1, 2)}) == "deb925af18b3be3b"
    assert results.key({"a": np.float64(0.1), "b": [1, 2]}) == "deb925af18b3be3b"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"grid": [0.1, float("nan")]}, "no plain JSON .*not JSON compliant"),
        ({"x": -float("inf")}, "no plain JSON .*not JSON compliant"),
        ({"x": np.float32(1)}, "no plain JSON .*float32"),
        ({"x": {1}}, "no plain JSON .*set"),
    ],
)
def test_what_json_would_not_give_back_is_refused(config: dict, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"config is {message}"):
        results.key(config)
    with pytest.raises((TypeError, ValueError), match=f"metrics is {message}"):
        Result("part3", "attack", CONFIG, config)


def test_a_file_truncated_anywhere_is_refused_in_one_line(tmp_path: Path) -> None:
    target = results.save(RESULT, tmp_path)
    whole = target.read_bytes()
    for length in range(len(whole) - 2):  # the last two bytes are the brace and the line's end
        target.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged .*; delete it") as raised:
            results.load(target)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("entry", ["config", "metrics", "provenance"])
def test_a_number_altered_by_hand_is_noticed(entry: str, tmp_path: Path) -> None:
    target = results.save(RESULT, tmp_path)
    content = json.loads(target.read_text())
    name = next(name for name, value in content[entry].items() if isinstance(value, float))
    content[entry][name] += 0.001
    target.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="was altered"):
        results.load(target)


@pytest.mark.parametrize("change", [{"extra": 1}, {"part": "part1"}, {"config": [1]}, None])
def test_a_file_of_another_form_is_refused(change: dict | None, tmp_path: Path) -> None:
    target = results.save(RESULT, tmp_path)
    target.write_text(json.dumps(change and json.loads(target.read_text()) | change))
    with pytest.raises(ValueError, match="delete it and run again"):
        results.load(target)


def test_a_result_in_another_runs_place_is_refused(tmp_path: Path) -> None:
    target = results.save(RESULT, tmp_path)
    other = results.location("part3", "attack", CONFIG | {"epsilon": 0.2}, tmp_path)
    target.rename(other)
    with pytest.raises(ValueError, match="altered or moved"):
        results.load(other)


def test_provenance_says_how_and_not_where() -> None:
    origin = results.provenance(1.23456, dataset="mnist", rung="original")
    Result("part3", "attack", {}, {}, origin)  # plain, or this raises
    assert (origin["seconds"], origin["dataset"], origin["rung"]) == (1.235, "mnist", "original")
    assert 10 < origin["peak_memory_mb"] < 1e6
    assert origin["processor"] and origin["torch_threads"] >= 1
    text = json.dumps(origin)
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text and str(results.REPOSITORY) not in text


def test_code_version_tells_a_commit_from_changed_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "REPOSITORY", tmp_path)
    assert results.code_version.__wrapped__() == "unknown"
    identity = ("-c", "user.name=A Reader", "-c", "user.email=reader@example.org")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "code.py").write_text("x = 1\n")
    for command in (["init"], ["add", "."], [*identity, "commit", "-m", "start"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, capture_output=True)
    (tmp_path / "result.json").write_text("{}")  # results may come and go
    clean = results.code_version.__wrapped__()
    assert len(clean) >= 7 and "dirty" not in clean
    (tmp_path / "lib" / "code.py").write_text("x = 2\n")
    assert results.code_version.__wrapped__() == f"{clean} dirty"
