"""One style for every picture and table, with alt text, a caption, and a file that says whence.

A chapter makes one `Page` and hands it each figure and table. The page displays them and writes
them into figures/<profile>/: a picture as PNG, a table as CSV, each with a JSON beside it, to which
the caption links. `python -m lib.runs.explain FILE` says it in words.
"""

import inspect
import io
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.core.getipython import get_ipython
from IPython.display import HTML, Code, Markdown, display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib_inline.config import InlineBackend

from lib.book import chapters, costs
from lib.book.claims import Claim, figures, markdown
from lib.book.files import REPOSITORY, refuse_another_lib, write_atomically
from lib.book.told import told
from lib.runs import checkpoints, explain, results
from lib.runs.results import Result

DPI = 110  # of every picture of the book
PAGE_WIDTH = 7.6  # inches; every figure is drawn at the width at which it is read
PALETTE = sns.color_palette("colorblind").as_hex()
INK, PALE = "#222222", "#c8c8c8"
IN_WORDS = {  # datasets whose name and rung say too little
    "esc10": "mixtures of ESC-10 (made)",
    "ict": "rendered people (made)",
    "faces_london": "photographs of London (open data)",
}
RUNGS = {"original": " (the paper's own data)", "open": " (open data)", "": ""}


def set_style() -> None:
    """Give all pictures the book's style; each `Page` does it."""
    # in a cell, too, a figure is shown as it is saved: cropped, it would fall apart
    if get_ipython():
        uncropped: Any = {"bbox_inches": None}
        InlineBackend.instance().print_figure_kwargs = uncropped
    sns.set_theme(
        context="paper",
        style="ticks",
        palette="colorblind",
        font_scale=1.1,
        rc={
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "figure.constrained_layout.use": True,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#e6e6e6",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        },
    )


@dataclass(frozen=True)
class Page:
    """Where a chapter's pictures come from and go to: profile, dataset and rung stand under each.

    `rung` is empty where `dataset` says what a picture shows and no data were used.
    `folder` is figures/; a test may name another. `networks` are the digests of the weights that
    the chapter itself computes with, by name; each picture names those that it was computed with.
    `reads` are the names of those whose outputs a network reads: they are named with it.
    What stored results were computed with, they say.
    """

    chapter: str
    profile: str
    dataset: str
    rung: str
    folder: Path = field(default_factory=figures)
    networks: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set the style in which everything on the page is drawn."""
        set_style()

    @property
    def origin(self) -> str:
        """Return in words where the pictures come from."""
        sets = self.dataset.split(" and ")
        words = " and ".join(IN_WORDS.get(name, name + RUNGS[self.rung]) for name in sets)
        return f"{words}, profile {self.profile}"

    def about(self, what: str) -> "Page":
        """Return the page for what shows no data: something made up, or the paper's own numbers."""
        return replace(self, dataset=what, rung="")

    def figure(
        self,
        figure: Figure,
        name: str,
        *,
        alt: str,
        caption: str,
        sources: Iterable[Result | None] = (),
        networks: Collection[str] = (),
    ) -> None:
        """Show a figure, write <name>.png and <name>.json, and close it.

        Args:
            alt: what it shows, for those who do not see it.
            caption: what to see.
            sources: the results that its numbers come from.
            networks: the names of the networks that it was computed with.

        Raises:
            ValueError: alt text or caption is empty.
            OSError: the files cannot be written; what was there stays.
        """
        self._write(f"{name}.png", png(figure))
        self._describe(name, alt, caption, list(sources), networks)
        plt.close(figure)
        self._display(name, alt, caption)

    def table(
        self,
        frame: pd.DataFrame,
        name: str,
        *,
        alt: str,
        caption: str,
        sources: Iterable[Result | None] = (),
        networks: Collection[str] = (),
        number: str = ".3f",
    ) -> None:
        """Show a table and write <name>.csv (all digits) and <name>.json, as `figure` does.

        `number` is the format in which fractions are read, as in f"{x:.3f}".
        """
        self._write(f"{name}.csv", frame.to_csv(index=False))
        self._describe(name, alt, caption, list(sources), networks)
        display(HTML(as_text(frame, number).to_html(index=False, border=0)))
        display(Markdown(self._caption(caption, f"{name}.csv", f"{name}.json")))

    def again(
        self, name: str, columns: tuple[str, ...] = (), *, number: str = ".3f"
    ) -> pd.DataFrame:
        """Show a figure or table that another chapter has made at this profile, with its stamp.

        Of a table those `columns` are shown that begin so; all of them for none. Returned is the
        whole table as its file has it; None of a figure, and of what is not there.
        """
        beside = self.folder / self.profile / f"{name}.json"
        if not beside.is_file():
            display(Markdown(f"> `{name}` is not there yet at profile {self.profile}."))
            return None
        made = json.loads(beside.read_text(encoding="utf-8"))
        chapter = made["chapter"]
        page = replace(self, chapter=chapter, dataset=made["dataset"], rung=made["rung"])
        page._warn(made.get("older", ()))
        caption = f"{made['caption']} ([Chapter {chapter[:2]}]({chapter}.ipynb).)"
        if not beside.with_suffix(".csv").is_file():
            page._display(name, made["alt"], caption)
            return None
        frame = pd.read_csv(beside.with_suffix(".csv"), float_precision="round_trip")
        text = as_text(frame, number).rename(columns=lambda head: re.sub("^Unnamed.*", "", head))
        chosen = text[[head for head in text if head.startswith(columns or "")]]
        display(HTML(chosen.to_html(index=False, border=0)))
        display(Markdown(page._caption(caption, f"{name}.csv", f"{name}.json")))
        return frame

    def claims(self, claims: Sequence[Claim]) -> None:
        """Show claims with their answers as a table; recording them is the caller's business."""
        display(Markdown(markdown(claims)))

    def link(self, file: str) -> str:
        """Return in Markdown a link from the notebook to a file of this profile's figures."""
        # the runner's kernels do not work where their notebooks lie, JupyterLab's do
        notebook = REPOSITORY / (told().notebook or Path.cwd())
        return f"[{file}]({os.path.relpath(self.folder / self.profile / file, notebook)})"

    def warn(self, networks: Collection[str]) -> None:
        """Say that networks are from other code than today's, where they are."""
        self._warn(self._older((), networks))

    def _older(self, sources: Sequence[Result | None], networks: Collection[str]) -> list[str]:
        """Return which code has changed since what a picture rests on was computed."""
        return results.changed(sources) or checkpoints.older(self.networks[n] for n in networks)

    def _warn(self, places: Sequence[str]) -> None:
        if places:
            number = self.chapter.partition("_")[0]
            renew = f"`./run_all.sh {self.profile} {number} --retrain` computes them anew."
            display(Markdown(f"> **Older numbers.** {since(places)} {renew}"))

    def _display(self, name: str, alt: str, caption: str) -> None:
        picture = (self.folder / self.profile / f"{name}.png").read_bytes()
        data = {"image/png": picture, "text/plain": alt}
        display(data, raw=True, metadata={"image/png": {"alt": alt}})
        display(Markdown(self._caption(caption, f"{name}.json")))

    def _caption(self, caption: str, *files: str) -> str:
        links = ", ".join(map(self.link, files))
        return f"*{caption}* <small>{self.origin}. Data and origin: {links}.</small>"

    def _write(self, name: str, content: str | bytes) -> None:
        write_atomically(self.folder / self.profile / name, content)

    def _describe(
        self,
        name: str,
        alt: str,
        caption: str,
        sources: Sequence[Result | None],
        networks: Collection[str],
    ) -> None:
        """Write what a picture is beside it; say where it is from other code than today's."""
        if not alt.strip() or not caption.strip():
            raise ValueError(f"{name} needs alt text and a caption")
        networks = dict.fromkeys(n for each in networks for n in (each, *self.reads.get(each, ())))
        older = self._older(sources, networks)
        described = {
            "chapter": self.chapter,
            "parameters": _parameters(self.chapter),
            "caption": caption,
            "alt": alt,
            "profile": self.profile,
            "dataset": self.dataset,
            "rung": self.rung,
            "networks": {each: self.networks[each] for each in networks},
            **({"older": older} if older else {}),
            "sources": explain.files(sources),
        }
        self._write(f"{name}.json", json.dumps(described, indent=1, ensure_ascii=False) + "\n")
        self._warn(older)


def since(places: Sequence[str]) -> str:
    """Return in a sentence that code has changed since numbers were computed."""
    return f"What is shown rests on code from before {', '.join(places)} changed."


def png(figure: Figure, level: int = 6) -> bytes:
    """Return a figure as PNG; equal figures give equal bytes.

    Compressed at level 1 instead of 6 it is made in less time, and a fifth larger.
    """
    buffer = io.BytesIO()
    compressed = {"compress_level": level}
    figure.savefig(buffer, format="png", metadata={"Software": None}, pil_kwargs=compressed)
    return buffer.getvalue()


@dataclass(frozen=True, eq=False)
class Ground:
    """What stays in a picture that is drawn again and again, with the places of what does not.

    Most of Matplotlib's time goes to axes, their ticks and labels: they are drawn once, as pixels.
    """

    pixels: np.ndarray  # (height, width, 4) uint8
    axes: Sequence[dict[str, Any]]  # place and limits of each

    @classmethod
    def of(cls, figure: Figure, *moving: Axes) -> "Ground":
        """Draw a figure, in which something will move in some of its axes, and close it."""
        FigureCanvasAgg(figure).draw()
        pixels = np.array(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
        axes = [
            {"rect": each.get_position().bounds, "xlim": each.get_xlim(), "ylim": each.get_ylim()}
            for each in moving
        ]
        plt.close(figure)
        return cls(pixels, axes)

    def figure(self) -> tuple[Figure, list[Axes]]:
        """Return a new figure of the pixels, and bare axes where something moves."""
        height, width = self.pixels.shape[:2]
        figure = plt.figure(figsize=(width / DPI, height / DPI), layout="none")
        figure.figimage(self.pixels, zorder=-1)
        for each in self.axes:
            figure.add_axes(**each, autoscale_on=False).set_axis_off()
        return figure, figure.axes


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
    """Draw an arrow; `look` is what Matplotlib's arrowprops take beyond a filled head in ink."""
    style = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, **look}
    axes.annotate("", end, start, arrowprops=style)


def as_text(frame: pd.DataFrame, number: str) -> pd.DataFrame:
    """Return a table as the text to be read; a dash stands for what is missing."""

    def text(value: object) -> str:
        if value is None or (isinstance(value, float) and pd.isna(value)):
            return "–"
        return format(value, number) if isinstance(value, float) else str(value)

    return frame.map(text)


def source(thing: object) -> Code:
    """Return the source of a function or class as it runs, for a chapter to show."""
    return Code(inspect.getsource(thing), language="python")  # type: ignore[arg-type]


def cost(chapter: str) -> Markdown:
    """Return the box that opens a chapter: measured minutes and memory per profile.

    Raises:
        ImportError: the chapter lies in another copy of the book than this library.
    """
    refuse_another_lib(Path.cwd())
    parts = [
        f"**{profile}** {entry['minutes']:.1f} min, {entry['peak_memory_gb']:.1f} GB"
        for profile, entry in sorted(costs.known().get(chapter, {}).items())
    ]
    return Markdown("> Cost on two cores: " + ("; ".join(parts) or "not measured yet") + ".")


def _parameters(chapter: str) -> dict[str, object]:
    """Return the parameters of a chapter as they are in the notebook that runs."""
    file = REPOSITORY / "notebooks" / f"{chapter}.py"
    running = vars(sys.modules["__main__"])
    declared = chapters.parameters(file) if file.is_file() else {}
    return {name: running[name] for name in declared if name in running}
