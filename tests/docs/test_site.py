"""The documentation as a site: every page in the menu, links that lead somewhere, no warning in a build."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv-docs" / "bin" / "mkdocs"
#: Pages at the root that the hook of the site brings in; the build below holds it to this list.
FROM_THE_ROOT = {"index.md", "contributing.md", "security.md", "changelog.md", "results.md"}
TEXTS = sorted(
    path
    for folder, pattern in ((ROOT, "*.md"), (ROOT / "docs", "**/*.md"), (ROOT / "results", "README.md"))
    for path in folder.glob(pattern)
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly where its generator is installed: by ``make site``, or beside the tests."""
    if not OWN.exists() and find_spec("mkdocs") is None:
        pytest.skip("the generator of the site is not installed: make site")
    folder = tmp_path_factory.mktemp("site")
    mkdocs = [str(OWN)] if OWN.exists() else [sys.executable, "-m", "mkdocs"]
    done = subprocess.run(
        [*mkdocs, "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(entry):
    """Every page of a menu."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in pages(part)]


def test_the_menu_has_every_page_once():
    menu = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    found = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert len(menu) == len(set(menu))
    assert set(menu) == found | FROM_THE_ROOT, "list every page of docs/ under nav in mkdocs.yml"


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_files_lead_to_files(text):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", prose)
    missing = [
        target
        for target in targets
        if not target.startswith(("http:", "https:", "mailto:")) and not (text.parent / target).exists()
    ]
    assert not missing


def test_the_site_builds_without_a_warning_and_starts_with_the_readme(site):
    title = (ROOT / "README.md").read_text().splitlines()[0].removeprefix("# ")
    assert title in (site / "index.html").read_text()
    assert (site / "contributing.html").exists()
    assert 'href="strategies.html"' in (site / "index.html").read_text()


def test_the_reference_holds_the_whole_interface_of_strategies(site):
    import strategies

    reference = (site / "api" / "strategies.html").read_text()
    missing = [name for name in strategies.__all__ if f'id="strategies.{name}"' not in reference]
    assert not missing


def test_the_search_knows_glossary_and_reference(site):
    index = (site / "search" / "search_index.json").read_text()
    assert "glossary.html" in index
    assert "strategies.Strategy.select" in index


def test_a_copy_on_a_disk_is_whole(site):
    """No page loads a script, a style or a font from the network."""
    loaded = re.compile(
        r"""<(?:script|img|iframe)[^>]*\ssrc="(https?:[^"]*)"|<link[^>]*stylesheet[^>]*"(https?:[^"]*)"""
    )
    assert not {match[0] for page in site.rglob("*.html") for match in loaded.finditer(page.read_text())}
