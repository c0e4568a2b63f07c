"""The page of a study, read as a browser reads it."""

from html.parser import HTMLParser

from benchmark.report.page import render_page
from benchmark.report.page.content import gather

VOID = {"meta", "link", "img", "input", "br"}


class Parsed(HTMLParser):
    """Elements with their attributes and the text of a page; tags must close in order."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(page.decode())
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(study, files=None):
    (page,) = render_page(study, files or {}).values()
    return page


def chapter_of(study):
    (chapter,) = gather(study, {}).chapters
    return chapter
