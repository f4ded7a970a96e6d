"""The explore chapters in a real browser: what a reader moves, sees, reads and brings there."""

import hashlib
import re
import wave
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from lib.faces.figures import upload
from tests.browser.lab import Notebook, Panel

KEYS = {"noise 1": "End", "noise 2": "End"}  # a small step of theirs may be hard to see
DIGEST = """
import hashlib
import matplotlib.pyplot as plt
from lib.book.show import png
print(hashlib.sha256(png({}, level=1)).hexdigest())
plt.close("all")
"""


def drawn_in_a_cell(notebook: Notebook, code: str) -> str:
    """Return the digest of the picture that a line of code draws."""
    cell = notebook.run_in_new_cell(DIGEST.format(code.removesuffix(";")))
    return cell.locator(".jp-OutputArea-output pre").inner_text().strip()


def test_every_control_changes_the_picture_and_the_code_below_draws_it(
    notebook: Notebook,
) -> None:
    for panel in notebook.panels:
        first, start = panel.png, panel.setting
        assert len(panel.names) == len(start) >= 3
        for name in panel.names:
            panel.move(name, key=KEYS.get(name))
            changed = {key for key, value in panel.setting.items() if value != start[key]}
            assert changed == {name.replace(" ", "_")}
            moved = panel.png
            assert moved != first, f"{name} moves nothing"
            if name == panel.names[-1]:
                assert drawn_in_a_cell(notebook, panel.code) == hashlib.sha256(moved).hexdigest()
            expect(panel.picture).to_have_accessible_name(panel.words)
            panel.back()
            assert panel.png == first and panel.setting == start
    assert notebook.errors == []


@pytest.mark.parametrize("notebook", ["15_sound_explore"], indirect=True)
def test_of_moves_faster_than_pictures_the_last_one_wins(notebook: Notebook) -> None:
    for panel in notebook.panels:
        name = panel.names[-1]  # a slider
        start, control = panel.setting, panel.control(name)
        control.focus()
        for key in ("Home", *["ArrowRight"] * 5):
            control.press(key, no_wait_after=True)
        slider = panel.box.locator(".widget-hslider", has=notebook.page.locator(":focus"))
        value = float(slider.locator(".widget-readout").inner_text())
        code = re.compile(rf"\b{name.replace(' ', '_')}={value:g}(\.0)?[,)]")
        expect(panel.line.locator("code")).to_have_text(code)
        assert drawn_in_a_cell(notebook, panel.code) == hashlib.sha256(panel.png).hexdigest()
        panel.back()
        assert panel.setting == start
    assert notebook.errors == []


@pytest.mark.parametrize("notebook", ["15_sound_explore"], indirect=True)
def test_the_player_plays_the_clip_that_the_panel_shows_and_a_file_of_the_readers_is_heard(
    notebook: Notebook, tmp_path: Path
) -> None:
    (panel,) = notebook.panels
    sound = notebook.page.locator(".jupyter-widgets audio, audio.jupyter-widgets")
    clip = notebook.page.locator(".widget-dropdown", has_text=re.compile("^clip"))
    first = sound.get_attribute("src")
    panel.move("clip")
    shown = clip.locator("select").evaluate_all("each => each.map(one => one.value)")
    assert len(shown) == 2 and len(set(shown)) == 1
    expect(sound).not_to_have_attribute("src", first or "")
    loaded = "each => new Promise(done => each.readyState ? done() : each.onloadeddata = done)"
    sound.evaluate(loaded)
    assert sound.evaluate("each => each.duration") > 1
    panel.back()
    with wave.open(str(tmp_path / "mine.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 500)
    cell = notebook.run_in_new_cell(f"hear({str(tmp_path / 'mine.wav')!r})")
    expect(cell.locator(".jp-OutputArea-output img").first).to_be_visible()
    place = notebook.page.locator(".widget-vbox:has(> .widget-hbox .widget-upload)").last
    complaint = place.locator("> .widget-html b")
    bring(notebook, place, "diary.wav", b"dear diary", "audio/wav")
    expect(complaint).to_contain_text("diary.wav cannot be decoded")
    place.get_by_role("button", name="Record").click()
    notebook.page.wait_for_timeout(1500)  # beeps
    place.get_by_role("button", name="Stop").click()
    mine = Panel(place.locator(".widget-vbox:has(> .widget-image)"))
    mine.line.wait_for()
    expect(complaint).to_have_count(0)
    recorded = mine.png
    with mine.another_picture():  # larger than what a websocket takes by itself
        loud = (tmp_path / "mine.wav").read_bytes()[:44] + bytes(range(256)) * 50_000
        bring(notebook, place, "long.wav", loud, "audio/wav")
    brought = mine.png
    assert brought != recorded
    mine.move("threshold")
    assert mine.png != brought
    assert notebook.errors == []


def bring(
    notebook: Notebook, place: Locator, name: str, content: bytes, kind: str = "image/png"
) -> None:
    """Choose a file with the button in a place on the page."""
    with notebook.page.expect_file_chooser() as chooser:
        place.locator(".widget-upload").click()
    file: Any = {"name": name, "mimeType": kind, "buffer": content}
    chooser.value.set_files(file)


@pytest.mark.parametrize("notebook", ["25_faces_explore"], indirect=True)
def test_a_photograph_lends_its_expression_and_what_is_none_is_said_in_its_place(
    notebook: Notebook,
) -> None:
    place = notebook.page.locator(".widget-vbox:has(> .widget-upload)")
    complaint = place.locator("> .widget-html b")
    bring(notebook, place, "diary.png", b"<b>dear diary</b>")
    expect(complaint).to_contain_text("diary.png is no image")
    expect(place.locator(".widget-image")).to_have_count(0)
    bring(notebook, place, "me.png", upload.portrait())
    expect(complaint).to_have_count(0)
    panel = Panel(place.locator(".widget-vbox:has(> .widget-image)"))
    first = panel.png
    panel.move("person")
    assert panel.png != first
    assert drawn_in_a_cell(notebook, panel.code) == hashlib.sha256(panel.png).hexdigest()
    assert notebook.errors == []


@pytest.mark.parametrize("notebook", ["35_adversarial_explore"], indirect=True)
def test_a_digit_drawn_or_brought_is_attacked_and_drawn_anew(notebook: Notebook) -> None:
    square = notebook.page.locator("canvas[aria-label^='A square to draw']")
    board = notebook.page.locator(".widget-vbox:has(> .widget-hbox .widget-upload)").last
    square.scroll_into_view_if_needed()

    def stroke(*points: tuple[float, float]) -> None:
        box = square.bounding_box()
        assert box
        mouse = notebook.page.mouse
        for move, (x, y) in enumerate(points):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not move:
                mouse.down()
        mouse.up()

    stroke((0.5, 0.2), (0.5, 0.8))
    panel = Panel(board.locator(".widget-vbox:has(> .widget-image)"))
    panel.line.wait_for()
    one = panel.png
    panel.move("epsilon")
    moved, setting = panel.png, panel.setting
    assert moved != one
    with panel.another_picture():
        stroke((0.2, 0.5), (0.8, 0.5))
    crossed = panel.png
    assert crossed != moved and panel.setting == setting
    own = Path(__file__).parents[1] / "adversarial" / "own_digit.png"
    with panel.another_picture():
        bring(notebook, board, "mine.png", own.read_bytes())
    assert panel.png != crossed and panel.setting == setting
    board.get_by_role("button", name="Clear").click()
    assert notebook.errors == []
