"""The works of Part III under other circumstances, in real processes."""

from pathlib import Path

from lib.adversarial import determinism as works
from lib.runs import determinism


def test_two_fresh_processes_come_to_the_same_bits() -> None:
    run = {"works": works.__name__, "circumstance": "again"}
    found = determinism.compare_run(run)["works"]
    assert list(found) == list(works.works())
    assert all(compared["bit_equal"] for compared in found.values())
    assert len({compared["digest"] for compared in found.values()}) == len(found)


def test_the_attack_moves_what_the_network_reads(tmp_path: Path) -> None:
    found = works.attack(tmp_path / "none.training")
    truth = works.digits().test_labels[: works.ATTACKED]
    assert found.outputs.shape == (works.ATTACKED, 1, 28, 28)
    assert (found.labels != truth).mean() > 0.5
