"""`--deterministic`: what it sets, that it reaches every process, and that the bits come again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lib.book import run
from lib.runs import device

LOOK = """
import json, os
from pathlib import Path
from lib.runs import sweep

def look(config):
    import os, torch
    from lib.runs.device import best_device
    best_device()
    random = torch.Generator().manual_seed(0)
    layer = torch.nn.Conv2d(3, 16, 5, bias=False)
    torch.nn.init.normal_(layer.weight, generator=random)
    images = torch.randn(8, 3, 32, 32, generator=random)
    layer(images).square().mean().backward()
    return {
        "gradient": layer.weight.grad.flatten().tolist(),
        "environment": dict(os.environ),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "pid": os.getpid(),
    }

workers = sweep.run("scratch", "look", [{"n": 0}, {"n": 1}], look, jobs=2, folder=Path("found"))
seen = [look({})] + [worker.metrics for worker in workers]
Path("seen.json").write_text(json.dumps(seen))
"""


def test_the_flag_reaches_kernels_and_workers_and_the_same_bits_come_again(
    write_chapter: Callable[[str], Path],
) -> None:
    root = write_chapter(LOOK).parents[1]
    assert run.main(["--deterministic"], root) == 0
    kernel, *workers = json.loads((root / "seen.json").read_text())
    assert kernel["pid"] not in {worker["pid"] for worker in workers}
    wanted = device.pinned_environment()
    for process in (kernel, *workers):
        assert wanted.items() <= process["environment"].items()
        assert process["deterministic"] and process["threads"] == 1
        assert process["gradient"] == kernel["gradient"]


def test_a_process_that_began_without_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in device.ALWAYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOK_RUN", '{"deterministic": true}')
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    line = "this process began without OMP_NUM_THREADS; use ./run_all.sh --deterministic"
    with pytest.raises(RuntimeError, match=line):
        device.best_device()
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True})
    assert device.pinned_environment() == device.ALWAYS  # nothing that this processor lacks
