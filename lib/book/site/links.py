"""Where the links of the book's texts lead in its site."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit


def anchor(text: str) -> str:
    """Return a heading's id as GitHub makes it; Jupyter's, which keeps more, gives the same."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", text.strip())).lower()


class Links:
    """Sends a link to its page or, where it leads to another file of the book, to a copy of it."""

    def __init__(self, root: Path, site: Path, places: Mapping[Path, str]) -> None:
        """Remember the folders of book and site, and which files of the book have a page."""
        self.root, self.site = root.resolve(), site.resolve()
        self.places = {path.resolve(): place for path, place in places.items()}

    def resolve(self, link: str, base: Path) -> str:
        """Return what `link`, found in a text that lies in the folder `base`, is in the site.

        Raises:
            ValueError: it leads to no file, or out of the book.
        """
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or (parts.path and self._is_in_site(parts.path)):
            return link
        fragment = f"#{anchor(unquote(parts.fragment))}" if parts.fragment else ""
        if not parts.path:
            return fragment
        path = (base / unquote(parts.path)).resolve()
        return (self.places.get(path) or self._copied(path, link)) + fragment

    def _is_in_site(self, link: str) -> bool:
        target = (self.site / link).resolve()
        return target.is_file() and target.is_relative_to(self.site)

    def _copied(self, path: Path, link: str) -> str:
        """Copy a file of the book into the site and return the link to it."""
        if not path.is_file() or not path.is_relative_to(self.root):
            raise ValueError(f"the link {link!r} leads to no file of the book; mend it")
        target = Path("files") / path.relative_to(self.root)
        (self.site / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.site / target)
        return target.as_posix()
