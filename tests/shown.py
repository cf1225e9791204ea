"""What a browser would make of a page."""

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Collects what a browser would load, the words it would show, and tags that are never closed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.source = file.read_text(encoding="utf-8")
        self.tags: list[str] = []
        self.open: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self.tables: list[list[str]] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "td":
            self.tables[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data
        if "td" in self.open:
            self.tables[-1][-1] += data
