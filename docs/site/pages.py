"""A hook of MkDocs: files at the root of the repository are pages too, and links between files hold.

Each text is kept once, where a code host looks for it (README.md, CONTRIBUTING.md, ..), with links between
files as the host follows them. The site lays the files out differently, so links are written anew as a page
is read.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
#: Files outside docs/, by their place on the site.
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "results/README.md": "results.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "LICENSE",
}
#: Fenced blocks and inline code, which stay as they are, or the target of a link without its anchor.
LINKS = re.compile(r"```.*?```|`[^`\n]*`|(?<=\]\()(?P<target>(?!https?:|mailto:|#)[^)#\s]+)", re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Files at the root join those of docs/."""
    for source, place in PLACES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with each link to a file of the repository as one to the file's place on the site."""
    folder = Path(page.file.abs_src_path).resolve().parent
    here = posixpath.dirname(page.file.src_uri) or "."

    def moved(match: re.Match[str]) -> str:
        target = match["target"]
        inside = target and (folder / target).resolve().is_relative_to(ROOT)
        return posixpath.relpath(_place(folder / target), here) if inside else match[0]

    return LINKS.sub(moved, markdown)


def _place(linked: Path) -> str:
    """Where a file or folder of the repository stands on the site; a folder is its README.md."""
    path = linked.resolve()
    path = path / "README.md" if path.is_dir() else path
    source = path.relative_to(ROOT).as_posix()
    return PLACES.get(source) or source.removeprefix("docs/")
