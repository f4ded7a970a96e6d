"""The laboratories in a real browser: an idea is written, tried and seen, or refused in a line."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import lab as pages
from tests.browser.conftest import LABORATORIES
from tests.browser.lab import Notebook

IDEAS = {  # by chapter: an idea that works, and one that does not
    "16_sound_laboratory": (
        "def loudest(frame):\n    return frame.amax(dim=1)\n\nmine = Idea(pooling=loudest)",
        "def loudest(frame):\n    return frame.amax(dim=2)\n\nmine = Idea(pooling=loudest)",
    ),
    "26_faces_laboratory": (
        "mine = Idea(changes={'own_identity': 0.0, 'reconstruction': 0.0})",
        "class Half(Generator):\n    def forward(self, *given):\n"
        "        return super().forward(*given)[..., ::2]\n\nmine = Idea(generator=Half)",
    ),
    "36_adversarial_laboratory": (
        "mine = Idea(reading=Detector(predictor=((0, 0, 0), (1, 0, 0), (0, 0, 0))))",
        "def nine(network):\n    return torch.nn.Sequential(network, torch.nn.Linear(10, 9))\n\n"
        "mine = Idea(around=nine)",
    ),
}


@pytest.mark.parametrize("chapter", LABORATORIES)
def test_an_idea_written_into_a_cell_is_tried_and_seen(
    browser: Browser, address: str, chapter: str
) -> None:
    works, fails = IDEAS[chapter]
    context = browser.new_context(viewport=pages.VIEW)
    notebook = Notebook(context.new_page(), address.format(f"{chapter}.ipynb"))
    notebook.run_all()
    cell = notebook.run_in_new_cell(f"{works}\nfound = show('mine', 'Mine.', mine=mine)")
    expect(cell.locator(".jp-OutputArea-output img").first).to_be_visible()
    assert notebook.errors == []
    cell = notebook.run_in_new_cell(f"{fails}\nfound = show('mine', 'Mine.', mine=mine)")
    (said,) = notebook.errors
    assert said.startswith("ValueError") and "instead of" in said and "\n" not in said
    context.close()
