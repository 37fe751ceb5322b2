"""The page in headless Chromium: no error, figures that show, tables that sort, a phone that fits, and axe-core."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import run

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver on PATH")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def show(browser, path: Path, width: int = 1200, scheme: str = "light") -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get_log("browser")
    browser.get(path.resolve().as_uri())


def test_it_loads_without_an_error_and_shows_its_figures(browser, page_of_two):
    show(browser, page_of_two)
    assert browser.get_log("browser") == []
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    images = browser.execute_script(
        "return [...document.images].map(i => [i.naturalWidth, i.clientWidth, i.clientHeight, i.alt])"
    )
    assert len(images) == 10  # curves, ROC, DET, scores, CMC, t-SNE, and four of faces
    assert all(min(natural, width, height) > 100 and alt for natural, width, height, alt in images)


def test_a_heading_sorts_by_click_and_by_keyboard(browser, page_of_two):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, page_of_two)
    table = next(
        found
        for found in browser.find_elements(By.CSS_SELECTOR, "table.sortable")
        if "wrong side" in found.find_element(By.TAG_NAME, "caption").text
    )
    heading = table.find_element(By.XPATH, ".//th[contains(., 'score')]")
    button = heading.find_element(By.TAG_NAME, "button")

    def scores():
        return [float(cell.text) for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(2)")]

    before = scores()
    browser.execute_script("arguments[0].click()", button)
    assert (scores(), heading.get_attribute("aria-sort")) == (sorted(before), "ascending")
    button.send_keys(Keys.ENTER)
    assert (scores(), heading.get_attribute("aria-sort")) == (sorted(before, reverse=True), "descending")
    assert before != sorted(before)


def test_every_setting_can_be_opened(browser, page_of_two):
    show(browser, page_of_two)
    browser.execute_script("document.querySelector('summary').click()")
    assert "model.backbone.init_args.depth" in browser.execute_script(
        "return document.querySelector('details').innerText"
    )


@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_its_window(width, browser, page_of_two):
    show(browser, page_of_two, width)
    browser.execute_script("document.querySelector('details').open = true")
    page, window = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert (page, window) == (width, width)


@pytest.mark.parametrize(("scheme", "only"), [("light", "null"), ("dark", "['color-contrast']")])
def test_axe_finds_nothing(scheme, only, browser, page_of_two):
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python")
    show(browser, page_of_two, scheme=scheme)
    browser.execute_script("document.querySelector('details').open = true")
    browser.execute_script(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    options = f"{{resultTypes: ['violations'], ...({only} && {{runOnly: {only}}})}}"
    found = browser.execute_async_script(f"const done = arguments[0]; axe.run({options}).then(r => done(r.violations))")
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_hostile_names_run_nothing(browser, hostile, tmp_path):
    assert run("report", hostile, "-o", tmp_path / "page.html") == 0
    show(browser, tmp_path / "page.html")
    assert browser.title == "orl_resnet18_arcface/version_0 - facerec report"
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 1
