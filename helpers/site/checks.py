"""The faults of a folder of HTML pages: what a reader without a server, a network, eyes or a mouse would trip over.

A check is a plain function over files that returns its faults, each one sentence. An empty folder is a fault.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from helpers import arguments

# The relations of <link> by which a browser loads something; the others (next, search, canonical) lead somewhere.
LOADING = {"stylesheet", "icon", "apple-touch-icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
LOADED_FROM = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "track": "src",
    "object": "data",
    "input": "src",
}
LEADS_BY = {"a": "href", "area": "href", "form": "action"}
LEADING_OUTSIDE = {"http", "https", "mailto"}
CSS_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SCRIPT_ADDRESS = re.compile(r"""(?:\bfrom|\bimport|\bimport\(|\bfetch\(|importScripts\()\s*["'`]((?:https?:)?//[^"'`]+)""")


@dataclass
class Page:
    """What one HTML page says of itself: its language, title and anchors, where it leads, what it loads, its pictures without text."""

    language: str = ""
    title: str = ""
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    images: int = 0
    without_text: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Contents:
    """How much a site holds: pages, links between its pages, and pictures."""

    pages: int
    links: int
    images: int


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._inside, self._in_body = "", False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self._inside = tag if tag in {"style", "title", "script"} else self._inside
        self._in_body = self._in_body or tag == "body"
        self.page.anchors |= {given[name] for name in ("id", "name") if name in given and (name == "id" or tag == "a")}
        if tag == "html":
            self.page.language = given.get("lang", "")
        if tag in LEADS_BY and LEADS_BY[tag] in given:
            self.page.links.append(given[LEADS_BY[tag]])
        if tag == "link":
            loads = bool(LOADING & set(given.get("rel", "").lower().split()))
            (self.page.loaded if loads else self.page.links).append(given.get("href", ""))
        if tag in LOADED_FROM and LOADED_FROM[tag] in given:
            self.page.loaded.append(given[LOADED_FROM[tag]])
        self.page.loaded += [entry.split()[0] for entry in given.get("srcset", "").split(",") if entry.strip()]
        self.page.loaded += _addresses(CSS_ADDRESS, given.get("style", ""))
        self._look_for_text(tag, given)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def _look_for_text(self, tag: str, given: dict[str, str]) -> None:
        if tag == "img" or (tag == "input" and given.get("type") == "image"):
            self.page.images += 1
            if not given.get("alt", "").strip():
                self.page.without_text.append(given.get("src", "")[:80])

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside == "title" and not self._in_body:  # a drawing in the page may have a title of its own
            self.page.title += data
        elif self._inside == "style":
            self.page.loaded += _addresses(CSS_ADDRESS, data)
        elif self._inside == "script":
            self.page.loaded += _addresses(SCRIPT_ADDRESS, data)


@arguments.typed
def read_page(path: Path) -> Page:
    """Read one HTML page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return reader.page


@arguments.typed
def contents(folder: Path) -> Contents:
    """Count what a site holds."""
    pages = list(_pages(folder).values())
    inner = [link for page in pages for link in page.links if not urlsplit(link).scheme]
    return Contents(len(pages), len(inner), sum(page.images for page in pages))


@arguments.typed
def site_faults(folder: Path) -> list[str]:
    """The faults of all pages, styles and scripts below `folder`: links and anchors that lead nowhere, pictures without a text
    alternative, anything loaded from another machine or missing, pages without a title or a language. An empty folder is a fault.
    """
    pages = _pages(folder)
    if not pages:
        return [f"there is no page in {folder}"]
    faults = []
    for path, page in pages.items():
        found = [*_faults_of_one(page), *_links_that_break(path, page, pages), *_loading_that_breaks(path, page.loaded, folder)]
        faults += [f"{path.relative_to(folder).as_posix()} {fault}" for fault in found]
    for ending, pattern in ((".css", CSS_ADDRESS), (".js", SCRIPT_ADDRESS)):
        for path in sorted(folder.rglob(f"*{ending}")):
            loaded = _addresses(pattern, path.read_text(encoding="utf-8"))
            faults += [f"{path.relative_to(folder).as_posix()} {fault}" for fault in _loading_that_breaks(path, loaded, folder)]
    return faults


def _pages(folder: Path) -> dict[Path, Page]:
    folder = folder.resolve()
    return {path: read_page(path) for path in sorted(folder.rglob("*.html"))}


def _faults_of_one(page: Page) -> Iterator[str]:
    if not page.title.strip():
        yield "has no title"
    if not page.language.strip():
        yield "does not say its language"
    for source in page.without_text:
        yield f"shows the image {source}, which has no text alternative"


def _links_that_break(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for link in dict.fromkeys(page.links):
        parts = urlsplit(link)
        if parts.scheme in LEADING_OUTSIDE:
            continue
        if parts.scheme or parts.netloc or parts.path.startswith("/"):
            yield f"links to {link}, which works on one machine only"
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"links to {link}, which is not there"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"links to {link}, but that page has no such place"


def _loading_that_breaks(path: Path, loaded: list[str], folder: Path) -> Iterator[str]:
    for address in dict.fromkeys(loaded):
        parts = urlsplit(address)
        if parts.scheme == "data" or address.startswith("#"):
            continue
        if parts.scheme or parts.netloc or parts.path.startswith("/"):
            yield f"loads {address} from outside"
            continue
        target = (path.parent / unquote(parts.path)).resolve()
        if not target.is_file() or not target.is_relative_to(folder.resolve()):
            yield f"loads {address}, which is not there"


def _addresses(pattern: re.Pattern[str], text: str) -> list[str]:
    return [next(part for part in match.groups() if part is not None).strip() for match in pattern.finditer(text)]
