"""The page in a real Chromium: it sorts, switches, prints, obeys the keyboard, and talks to nobody."""

import base64
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmark.records.round_store import Round, Store
from benchmark.records.selection_pictures import Pick, picks_folder, write_picks
from benchmark.report.page import render_page
from benchmark.report.results.study import read_study

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="there is no chromium and chromedriver"
)

STRATEGIES = ("random", "entropy", "<img src=x onerror=alert(1)>")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)


@pytest.fixture(scope="module")
def file(synthetic, tmp_path_factory):
    table = synthetic.rows(STRATEGIES, seeds=5)
    folder = synthetic.add_rounds(synthetic.write(tmp_path_factory.mktemp("run"), table), table)
    for number in (0, 1):
        done = Store(folder).read("rooms", "entropy", 0, number)
        Store(folder).write(replace(done, selected=("x",)))
        trajectory = Store(folder).trajectory("rooms", "entropy", 0)
        picture = io.BytesIO()
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(picture, "JPEG")
        pick = Pick("x", picture.getvalue(), {"depth": (0.5, 0.9)}, {"depth": picture.getvalue()})
        write_picks(picks_folder(trajectory, number), [pick])
    for seed, loss in enumerate((1.0, 1.2)):
        ids = tuple(map(str, range(40)))
        Store(folder).write(Round("rooms", "noise-floor", seed, 0, "k", ids, {"total": {"loss": loss}}, "d"))
    for name, content in render_page(read_study(folder), {"figures/a.csv": b"x,y\n"}).items():
        (folder / name).write_bytes(content)
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.get("about:blank")  # the browser's own first page asks for things
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, file):
    """The page freshly opened in a light window; afterwards its console must be silent."""
    seen(browser, width=1200, scheme="light")
    browser.get(file.as_uri())
    browser.get_log("browser")
    yield browser
    assert browser.get_log("browser") == []


def seen(browser, width, scheme):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def ask(browser, script, *arguments):
    return browser.execute_script(f"return {script}", *arguments)


def column(browser, table, place):
    rows = browser.find_elements(By.CSS_SELECTOR, f"#{table} tbody:first-of-type tr")
    return [row.find_elements(By.CSS_SELECTOR, "th, td")[place].get_attribute("data-key") for row in rows]


def shown(browser, selector):
    return [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]


LONG = [f"consistency-diversity[measure=loss,power=0.{number},weighting=none]" for number in range(1, 11)]


def test_a_laptop_shows_matrices_and_names_whole(browser, synthetic, total_only, tmp_path):
    """Eleven strategies of long names at 1280 pixels: nothing is cut, no word is broken."""
    table = synthetic.rows(["random", *LONG], 5, metrics=total_only)
    folder = synthetic.add_rounds(synthetic.write(tmp_path / "run", table), table)
    (folder / "index.html").write_bytes(render_page(read_study(folder), {})["index.html"])
    seen(browser, width=1280, scheme="light")
    browser.get((folder / "index.html").as_uri())
    matrices = browser.find_elements(By.CSS_SELECTOR, ".matrix")
    assert len(matrices) == 2
    for matrix in matrices:
        assert ask(
            browser, "arguments[0].parentNode.scrollWidth <= arguments[0].parentNode.clientWidth", matrix
        )
    assert ask(browser, "document.documentElement.scrollWidth") <= 1280
    broken = """(() => {
      const lines = (node, start, end) => {
        const range = document.createRange();
        range.setStart(node, start); range.setEnd(node, end);
        return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
      };
      const found = [];
      for (const head of document.querySelectorAll("tbody th")) {
        const walker = document.createTreeWalker(head, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          for (const word of node.data.matchAll(/[a-z=0-9.]+/g)) {
            if (lines(node, word.index, word.index + word[0].length) > 1) found.push(word[0]);
          }
        }
      }
      return found;
    })()"""
    assert ask(browser, broken) == []


def test_nothing_leaves_the_file(browser, file):
    browser.get_log("performance")
    browser.get(file.as_uri())
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [entry["params"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
    asked = [one["request"]["url"] for one in sent if one["documentURL"] == file.as_uri()]
    assert file.as_uri() in asked
    assert [url for url in asked if url != file.as_uri() and not url.startswith("data:")] == []
    assert browser.get_log("browser") == []
    assert ask(browser, "document.title").startswith("rooms")


def test_the_noise_floor_is_a_section_that_the_navigation_leads_to(page):
    page.find_element(By.CSS_SELECTOR, "nav a[href='#noise-0']").click()
    assert page.current_url.endswith("#noise-0")
    assert "0.1414" in page.find_element(By.ID, "noise-table-0").text


def test_even_a_script_of_the_page_could_not_ask_anybody(browser, file):
    browser.get(file.as_uri())
    asking = "fetch('data:,x').then(() => 'went through', () => 'refused').then(arguments[0])"
    assert browser.execute_async_script(asking) == "refused"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_a_column_sorts_up_and_down_and_says_which(page, by_keyboard):
    def press(button):
        button.send_keys(Keys.ENTER) if by_keyboard else button.click()

    head = page.find_elements(By.CSS_SELECTOR, "#headline-table-0 thead th")[1]
    button = head.find_element(By.TAG_NAME, "button")
    before = column(page, "headline-table-0", 1)
    assert before == sorted(before, key=float)
    assert head.get_attribute("aria-sort") is None
    press(button)
    assert head.get_attribute("aria-sort") == "ascending"
    press(button)
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "headline-table-0", 1) == before[::-1]
    other = page.find_elements(By.CSS_SELECTOR, "#headline-table-0 thead th")[3]
    press(other.find_element(By.TAG_NAME, "button"))
    assert head.get_attribute("aria-sort") is None
    keys = column(page, "headline-table-0", 3)
    assert keys[-1] == "", "random, which has no test against itself, is last"
    assert keys[:-1] == sorted(keys[:-1], key=float)


def test_the_reference_stays_below_whatever_is_sorted(page):
    for head in page.find_elements(By.CSS_SELECTOR, "#losses-table-0 thead button"):
        head.click()
        last = page.find_elements(By.CSS_SELECTOR, "#losses-table-0 tr")[-1]
        assert "full-data" in last.text


def test_a_strategy_is_switched_off_and_on_everywhere(page):
    everything = len(shown(page, ".line.s1"))
    assert everything > 5
    assert len(shown(page, ".choice.s1")) == 1
    page.find_element(By.ID, "on1").send_keys(Keys.SPACE)
    assert shown(page, ".s1") == []
    assert len(shown(page, ".line.s2")) == everything
    page.find_element(By.ID, "on1").send_keys(Keys.SPACE)
    assert len(shown(page, ".line.s1")) == everything


def test_one_task_is_shown_or_all(page):
    select = Select(page.find_element(By.CSS_SELECTOR, "select"))
    assert len(shown(page, ".panel")) == 9
    select.select_by_visible_text("depth")
    assert [panel.text.split(":")[0] for panel in shown(page, ".panel")] == ["depth", "depth"]
    select.select_by_visible_text("all tasks")
    assert len(shown(page, ".panel")) == 9


def test_the_keyboard_reaches_everything_and_one_sees_where_it_is(page):
    reached, widths = [], set()
    for _ in range(60):
        page.switch_to.active_element.send_keys(Keys.TAB)
        focused = page.switch_to.active_element
        reached.append(focused.tag_name)
        widths.add(ask(page, "getComputedStyle(document.activeElement).outlineWidth"))
    assert ask(page, "document.querySelector('.skip')") is not None
    assert {"a", "input", "select", "summary", "button", "div"} <= set(reached)
    assert reached[0] == "a", "the way past everything else is first"
    assert widths == {"3px"}


def test_names_are_text_and_not_code(page):
    assert ask(page, "document.querySelectorAll('img[src=x]').length") == 0
    assert "<img src=x onerror=alert(1)>" in page.find_element(By.CSS_SELECTOR, ".legend").text


def test_dark_and_light_both_have_contrast(page):
    def luminance(script):
        channels = [int(part) for part in ask(page, script).removeprefix("rgb(").rstrip(")").split(",")]
        return sum(np.array([0.2126, 0.7152, 0.0722]) * np.array(channels)) / 255

    found = {}
    for scheme in ("light", "dark"):
        seen(page, 1200, scheme)
        paper, text = (
            luminance(f"getComputedStyle(document.body).{of}") for of in ("backgroundColor", "color")
        )
        line = ask(page, "getComputedStyle(document.querySelector('.line.c2')).stroke")
        found[scheme] = paper > text, line
        assert abs(paper - text) > 0.6
    assert found["light"] == (True, "rgb(0, 0, 0)"), "random is black, as in the figures"
    assert found["dark"] == (False, "rgb(255, 255, 255)")


def test_a_narrow_window_scrolls_downwards_only(page):
    seen(page, 400, "light")
    assert ask(page, "document.documentElement.scrollWidth") <= 400
    assert len(shown(page, ".legend input")) == 3


def test_a_print_shows_what_the_screen_hides(page):
    page.find_element(By.ID, "on1").click()
    Select(page.find_element(By.CSS_SELECTOR, "select")).select_by_visible_text("depth")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert len(shown(page, ".panel")) == 9
    assert shown(page, ".line.s1")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    page.execute_script(
        "window.unfolded = 0; addEventListener('beforeprint', () => {"
        "window.unfolded = document.querySelectorAll('details:not([open])').length === 0 })"
    )
    printed = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
    assert ask(page, "window.unfolded") is True
    assert len(shown(page, "details[open]")) == 1, "folded again afterwards"


def test_it_reads_and_switches_without_its_script(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        assert len(shown(page, ".panel")) == 9
        assert shown(page, "select") == []
        page.find_element(By.ID, "on1").click()
        assert shown(page, ".s1") == []
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_every_drawing_and_table_has_a_name_and_pictures_words(page):
    page.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true })")
    for drawing in page.find_elements(By.CSS_SELECTOR, "svg[role=img]"):
        assert len(drawing.accessible_name) > 20
    for region in page.find_elements(By.CSS_SELECTOR, "[role=region]"):
        assert region.accessible_name
    for box in page.find_elements(By.CSS_SELECTOR, "input, select"):
        assert box.accessible_name
    images = page.find_elements(By.TAG_NAME, "img")
    assert len(images) == 4
    assert all(image.get_attribute("alt") for image in images)
    assert ask(page, "[...document.images].every(i => i.naturalWidth > 0)")
