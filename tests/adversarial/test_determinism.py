"""The works of Part III under other circumstances, in real processes."""

from lib.adversarial import determinism as works
from lib.runs import determinism


def test_two_fresh_processes_come_to_the_same_bits() -> None:
    run = {"works": works.__name__, "circumstance": "again"}
    found = determinism.compare_run(run)["works"]
    assert list(found) == list(works.works())
    assert all(compared["bit_equal"] for compared in found.values())
    assert len({compared["digest"] for compared in found.values()}) == len(found)
