"""The explore chapters in a real browser: what a reader moves, sees and reads there."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import library
from tests.browser.lab import Notebook, Panel

Ask = Callable[..., Any]
KEYS = {"noise 1": "End", "noise 2": "End"}  # a small step of theirs may be hard to see


def test_every_control_brings_the_picture_and_the_numbers_of_the_library(
    notebook: Notebook, chapter: str, ask: Ask
) -> None:
    panels = notebook.panels
    assert len(panels) == len(library.PANELS[chapter])
    for place, panel in enumerate(panels):
        first, start = panel.png, panel.setting
        assert len(panel.names) == len(start) >= 3
        for name in panel.names:
            panel.move(name, key=KEYS.get(name))
            changed = {key for key, value in panel.setting.items() if value != start[key]}
            assert changed == {name.replace(" ", "_")}
            said, picture = ask(library.answer, chapter, place, panel.setting)
            assert panel.words.endswith(f" {said}")
            assert panel.png == picture != first, f"{name} moves nothing"
            panel.back()
            assert panel.png == first and panel.setting == start
    assert notebook.errors == []


def test_the_keyboard_goes_through_the_controls_in_the_order_in_which_they_stand(
    notebook: Notebook,
) -> None:
    focused = """() => {
        const control = document.activeElement.closest('.widget-inline-hbox, button');
        return control ? (control.querySelector('.widget-label') || control).textContent : '';
    }"""
    for panel in notebook.panels:
        names = panel.names
        for name in names:
            expect(panel.box.get_by_text(name, exact=True).first).to_be_visible()
        assert all(names) and len(set(names)) == len(names)
        panel.control(names[0]).focus()
        met: list[str] = []
        while not met or (met[-1] != "Reset" and len(met) < 3 * len(names)):
            met.append(notebook.page.evaluate(focused))
            notebook.page.keyboard.press("Tab")
        assert list(dict.fromkeys(met)) == [*names, "Reset"]


def test_a_picture_is_told_in_words_and_the_words_stand_below_it(notebook: Notebook) -> None:
    for panel in notebook.panels:
        panel.picture.scroll_into_view_if_needed()
        assert panel.setting.keys() and len(panel.words) > 40
        expect(panel.picture).to_have_accessible_name(panel.words)
        expect(panel.line).to_be_visible()


def test_many_moves_let_the_page_not_grow(notebook: Notebook) -> None:
    count = "() => document.querySelectorAll('*').length"
    inside = "box => box.querySelectorAll('*').length"
    panel, moves = notebook.panels[0], 20
    slider = next(name for name in panel.names if panel.control(name).get_attribute("role"))
    panel.move(slider)
    before, own = notebook.page.evaluate(count), panel.box.evaluate(inside)
    for move in range(moves):
        panel.move(slider, forward=move % 2 == 1)
    assert panel.box.evaluate(inside) == own
    # JupyterLab's own bars come and go by a few; what each move leaves behind would be twenty.
    assert notebook.page.evaluate(count) - before < moves
    panel.back()


def test_the_line_below_a_picture_draws_it_in_a_new_cell(notebook: Notebook) -> None:
    for panel in notebook.panels:
        cell = notebook.run_in_new_cell(panel.code)
        picture = cell.locator(".jp-OutputArea-output img")
        expect(picture).to_have_count(1)
        size = "each => [each.naturalWidth, each.naturalHeight]"
        assert picture.evaluate(size) == panel.picture.evaluate(size)
    assert notebook.errors == []


@pytest.mark.parametrize("chapter", ["15_sound_explore"], indirect=True)
def test_the_player_plays_the_clip_that_the_panel_shows(notebook: Notebook, ask: Ask) -> None:
    (panel,) = notebook.panels
    sound = notebook.page.locator(".jupyter-widgets audio, audio.jupyter-widgets")
    lists = notebook.page.locator(".widget-dropdown", has_text=re.compile("^clip")).locator(
        "select"
    )
    expect(lists).to_have_count(2)
    first = sound.get_attribute("src")
    panel.move("clip")
    assert len(set(lists.evaluate_all("each => each.map(one => one.value)"))) == 1
    expect(sound).not_to_have_attribute("src", first or "")
    sound.evaluate(
        "each => new Promise(done => each.readyState ? done() : each.onloadeddata = done)"
    )
    expected = ask(library.seconds, panel.setting["clip"])
    assert sound.evaluate("each => each.duration") == pytest.approx(expected, abs=0.01)
    panel.back()


@pytest.mark.parametrize("chapter", ["25_faces_explore"], indirect=True)
def test_a_photograph_lends_its_expression_and_what_is_none_is_said_in_its_place(
    notebook: Notebook, ask: Ask
) -> None:
    place = notebook.page.locator(".widget-vbox:has(> .widget-upload)")
    complaint = place.locator("> .widget-html b")

    def choose(name: str, content: bytes) -> None:
        with notebook.page.expect_file_chooser() as chooser:
            place.locator(".widget-upload").click()
        file: Any = {"name": name, "mimeType": "image/png", "buffer": content}
        chooser.value.set_files(file)

    blank = io.BytesIO()
    Image.new("RGB", (200, 200), "grey").save(blank, "png")
    choose("a wall.png", blank.getvalue())
    expect(complaint).to_contain_text("no face found")
    expect(place.locator(".widget-image")).to_have_count(0)
    choose("diary.png", b"<b>dear diary</b>")
    expect(complaint).to_contain_text("diary.png is no image")
    choose("me.png", ask(library.portrait))
    expect(complaint).to_have_count(0)
    panel = Panel(place.locator(".widget-vbox:has(> .widget-image)"))
    for name in ("person", "noise 1", "noise 2"):
        panel.move(name, key=KEYS.get(name))
        said, picture = ask(library.lend_mine, *panel.setting.values())
        assert panel.words.endswith(said) and panel.png == picture
    cell = notebook.run_in_new_cell(panel.code)
    expect(cell.locator(".jp-OutputArea-output img")).to_have_count(1)
    assert notebook.errors == []


@pytest.mark.parametrize("chapter", ["35_adversarial_explore"], indirect=True)
def test_a_digit_drawn_with_the_mouse_is_attacked_and_drawn_anew(notebook: Notebook) -> None:
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
    stroke((0.2, 0.5), (0.8, 0.5))
    notebook.page.wait_for_function(
        "([image, old]) => image.src !== old",
        arg=[panel.picture.element_handle(), panel.picture.get_attribute("src")],
    )
    assert panel.png != moved and panel.setting == setting
    board.get_by_role("button", name="Clear").click()
    assert notebook.errors == []


def test_a_py_opens_as_a_notebook_and_is_saved_beside_its_ipynb(
    open_notebook: Callable[[str], Notebook], address: str
) -> None:
    notebook = open_notebook(f"notebooks/{library.PAIRED}.py")
    notebook.run_all()
    (panel,) = notebook.panels
    before = panel.png
    panel.move("epsilon")
    assert panel.png != before
    with notebook.page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        notebook.page.keyboard.press("Control+s")
    assert saved.value.ok
    beside = address.replace("/lab/tree", "/api/contents").replace("reset&", "")
    found = notebook.page.request.get(beside.format(f"notebooks/{library.PAIRED}.ipynb"))
    assert found.ok and any(cell.get("outputs") for cell in found.json()["content"]["cells"])
