"""The book as web pages: `./run_all.sh --html` writes site/, which needs no server and no network.

`build` puts the pages together, `render` turns Markdown and outputs into HTML, `links` sends every
link to a place within the site.
"""

from lib.book.site.build import build

__all__ = ["build"]
