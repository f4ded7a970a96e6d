"""A JupyterLab on this machine, and its pages as a reader in a browser sees and touches them."""

import ast
import base64
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, ViewportSize, expect

from lib.book import lab
from tests.book.clusters import free_port

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS, RUN_SECONDS, ANSWER_SECONDS = 240, 900, 120  # limits for a busy machine
expect.set_options(timeout=1000 * ANSWER_SECONDS)
# The notebook behind the page: cells that are out of sight or folded show no numbers.
SHOWN = "jupyterapp.shell.currentWidget"
SESSION = f"{SHOWN}.sessionContext"
CODE = f"Array.from({SHOWN}.content.model.cells).filter(each => each.type === 'code')"
OUTPUTS = f"{CODE}.flatMap(each => each.outputs.toJSON())"
VIEW: ViewportSize = {"width": 1300, "height": 1100}


def chromium() -> str | None:
    """Return the path of a browser that Playwright can drive, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    """Start the browser without a window; raises AssertionError where there is none."""
    path = chromium()
    assert path, "no chromium"
    switches = ["--disable-dev-shm-usage", "--disable-gpu"]
    # a microphone that everybody may use, and that beeps
    switches += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if os.geteuid() == 0:  # Chromium's sandbox refuses to work for root
        switches.append("--no-sandbox")
    return playwright.chromium.launch(executable_path=path, args=switches)


@contextmanager
def served(root: Path, log: Path, plain: bool = False) -> Iterator[str]:
    """Yield the address of a JupyterLab over `root`, with a place for the path of a file.

    It is the one of `./run_all.sh --lab`, or a plain `jupyter lab` that was started in `root`.
    Its kernels end with it; its log says what went wrong.

    Raises:
        TimeoutError: it does not answer.
    """
    port, token = free_port(), secrets.token_hex(16)
    options = [
        "--no-browser",
        "--expose-app-in-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
    ]
    told = dict(os.environ if plain else lab.environment()) | {"JUPYTER_TOKEN": token}
    command = [sys.executable, "-m", "jupyterlab", "--allow-root"] if plain else lab.command(root)
    with log.open("w") as file:
        server = subprocess.Popen(
            [*command, *options], env=told, cwd=root, stdout=file, stderr=file
        )
        try:
            _wait_for(port, server, log)
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?reset&token={token}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=START_SECONDS)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"JupyterLab does not answer:\n{log.read_text()}")


class Notebook:
    """A notebook in JupyterLab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.set_default_timeout(1000 * ANSWER_SECONDS)
        page.goto(address, timeout=1000 * START_SECONDS)
        self.cells = page.locator(".jp-Notebook .jp-Cell")
        self.cells.first.wait_for(timeout=1000 * START_SECONDS)
        page.evaluate(f"async () => (await {SESSION}.ready, await {SESSION}.session.kernel.info)")

    def run_all(self) -> None:
        """Run all cells and wait until each has its number, or one has failed."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()
        waiting = f"{CODE}.some(each => each.executionCount === null)"
        failed = f"{OUTPUTS}.some(each => each.output_type === 'error')"
        ended = f"() => !{waiting} || {failed}"
        self.page.wait_for_function(ended, timeout=1000 * RUN_SECONDS)
        assert not self.errors, self.errors

    def run_in_new_cell(self, code: str) -> Locator:
        """Run code in a new cell at the end, and return the cell."""
        count = self.cells.count()
        self.page.locator(".jp-Notebook-footer").click()
        cell = self.cells.nth(count)
        cell.locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        prompt = cell.locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"))
        return cell

    @property
    def errors(self) -> list[str]:
        """Return what cells and widgets complain about."""
        said = f"() => {OUTPUTS}.filter(each => each.ename).map(each => each.ename + each.evalue)"
        broken = self.page.locator(".jupyter-widgets-error-widget")
        return [*self.page.evaluate(said), *broken.all_inner_texts()]

    @property
    def panels(self) -> list["Panel"]:
        """Return the panels on the page, from above to below."""
        return [
            Panel(each) for each in self.page.locator(".widget-vbox:has(> .widget-image)").all()
        ]


class Panel:
    """Controls over a picture and a line."""

    def __init__(self, box: Locator) -> None:
        self.box = box
        self.picture = box.locator("> img.widget-image")
        self.line = box.locator("> .widget-html .widget-html-content")
        self.reset = box.get_by_role("button", name="Reset")

    @property
    def names(self) -> list[str]:
        """Return the names of the controls, from above to below."""
        return self._controls.locator("> .widget-label").all_text_contents()

    @property
    def _controls(self) -> Locator:
        return self.box.locator("> .widget-hslider, > .widget-dropdown")

    def control(self, name: str) -> Locator:
        """Return what takes the keyboard's focus in a control."""
        label = self.box.page.locator(".widget-label", has_text=re.compile(f"^{name}$"))
        return self._controls.filter(has=label).locator(".noUi-handle, select")

    @property
    def code(self) -> str:
        """Return the line that draws this picture."""
        return self.line.locator("code").text_content() or ""

    @property
    def setting(self) -> dict[str, Any]:
        """Return the names and values in that line."""
        call = ast.parse(self.code.removesuffix(";"), mode="eval").body
        assert isinstance(call, ast.Call)
        return {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}

    @property
    def words(self) -> str:
        """Return what stands above that line."""
        return (self.line.text_content() or "").removesuffix(self.code)

    @property
    def png(self) -> bytes:
        """Return the picture that the browser shows."""
        read = """async image => {
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            return btoa(Array.from(bytes, each => String.fromCharCode(each)).join(''));
        }"""
        return base64.b64decode(self.picture.evaluate(read))

    def move(self, name: str, key: str | None = None) -> None:
        """Move a control one step, or by another key, and wait for the answer.

        A list is not left by its end; it begins again.
        """
        before, control = self.code, self.control(name)
        if control.evaluate("each => each.tagName") == "SELECT":
            size = "each => [each.selectedIndex, each.options.length]"
            index, count = control.evaluate(size)
            places = {"Home": 0, "End": count - 1, "ArrowLeft": index - 1}
            control.select_option(index=places.get(key or "", index + 1) % count)
        else:
            control.focus()
            control.press(key or "ArrowRight")
        self._answered(before)

    def back(self) -> None:
        """Click on Reset where something has been moved, and wait for the answer."""
        before = self.code
        self.reset.click()
        self._answered(before)

    @contextmanager
    def another_picture(self) -> Iterator[None]:
        """Wait in the end until another picture is there, whatever its setting."""
        old = self.picture.get_attribute("src")
        yield
        seen = [self.picture.element_handle(), old]
        there = "([image, old]) => image.src !== old && image.complete"
        self.box.page.wait_for_function(there, arg=seen)

    def _answered(self, before: str) -> None:
        """Wait until the line says another setting, which it does after the picture is there."""
        there = """([line, image, before]) =>
            line.querySelector('code').textContent !== before && image.complete"""
        seen = [self.line.element_handle(), self.picture.element_handle(), before]
        self.box.page.wait_for_function(there, arg=seen)  # looks at every frame
        self.picture.evaluate("image => image.decode()")
