"""The report in a real browser: no error, no request, two themes, two widths, the keyboard alone, and attacks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_reports
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from bot import report

pytestmark = pytest.mark.thorough

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it (`make browser`)."""
    where = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if where is None:
        pytest.fail("no Chromium here: make browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Opened:
    """One page that was opened, and all that happened to it."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.said.append("dialog") or dialog.dismiss())
        self.page.add_init_script(WATCH)
        self.path = path
        self.page.goto(path.as_uri())

    def open_all(self) -> None:
        """Opens everything that is folded, and waits for what is unpacked."""
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        self.page.wait_for_function("!document.querySelector('details[open] > .body[data-part]')")
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def settled(self) -> None:
        """Nothing went wrong, nothing was asked for but the page itself."""
        assert self.said == [] and self.page.evaluate("violations") == []
        assert [url.partition("#")[0] for url in self.asked] == [self.path.as_uri()] * len(self.asked)
        self.context.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages on disk, by name."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "review": sample_reports.page(when="2026-11-27T12:00:00Z"),
        "audit": sample_reports.page(of=sample_reports.audit(many=24)),
        "one": sample_reports.page(sample_reports.sample_reviews.FOUND),
        "neutral": sample_reports.page(sample_reports.sample_reviews.NEUTRAL),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_is_accessible(browser: Browser, files: dict[str, Path], width: int, scheme: str) -> None:
    for name in ("review", "neutral"):
        opened = Opened(browser, files[name], viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = opened.page
        page.evaluate(
            "document.querySelectorAll('.finding').forEach((e) => { e.style.contentVisibility = 'visible' })"
        )
        opened.open_all()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
        assert dark is (scheme == "dark")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
        opened.settled()


def test_links_lead_somewhere_and_open_what_is_folded(browser: Browser, files: dict[str, Path]) -> None:
    opened = Opened(browser, files["review"])
    page = opened.page
    links = page.locator("table.verdicts a")
    assert links.count() == 5
    links.nth(2).click()
    target = page.locator("article.finding").nth(2)
    assert target.locator("> details").get_attribute("open") is not None
    assert target.locator("> details > summary").evaluate("(one) => one === document.activeElement")
    page.evaluate("location.hash = 'unproven'")
    page.wait_for_function("document.getElementById('unproven').open")
    opened.settled()


def test_the_keyboard_alone_does(browser: Browser, files: dict[str, Path]) -> None:
    opened = Opened(browser, files["review"])
    page, press = opened.page, opened.page.keyboard.press
    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"
    press("j")
    press("j")
    assert page.evaluate("document.activeElement.closest('article').querySelector('.number').textContent") == "2"
    press("k")
    press("Enter")
    assert page.locator("article.finding").first.locator("> details").get_attribute("open") is not None
    press("/")
    page.keyboard.type("runs commands")
    page.wait_for_function("document.getElementById('shown').textContent === '1 of 5 shown'")
    press("Escape")
    page.wait_for_function("document.getElementById('shown').textContent === ''")
    # Whatever has the focus shows it.
    for _ in range(12):
        press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    opened.settled()


def test_the_filter_and_the_theme(browser: Browser, files: dict[str, Path]) -> None:
    opened = Opened(browser, files["review"], color_scheme="light")
    page = opened.page
    shown = page.locator("article.finding:not([hidden])")
    page.select_option("#by-severity", "high")
    page.wait_for_function("document.getElementById('shown').textContent === '2 of 5 shown'")
    page.select_option("#by-outcome", "without")
    page.wait_for_function("document.getElementById('shown').textContent === '1 of 5 shown'")
    assert shown.count() == 1 and "no rewrite" in shown.inner_text()
    theme = page.locator("#theme")
    grounds = []
    for _ in range(3):
        theme.click()
        grounds.append((theme.inner_text(), page.evaluate("getComputedStyle(document.body).backgroundColor")))
    light, dark = "rgb(246, 247, 249)", "rgb(20, 23, 28)"
    assert grounds == [("Theme: light", light), ("Theme: dark", dark), ("Theme: auto", light)]
    opened.settled()


def test_a_packed_finding_is_unpacked_when_it_is_opened(browser: Browser, files: dict[str, Path]) -> None:
    opened = Opened(browser, files["audit"])
    last = opened.page.locator("article.finding").last
    assert last.locator(".number").text_content() == "120"
    assert last.locator("h4").count() == 1
    last.locator("> details > summary").click()
    last.locator("h4", has_text="Line by line").wait_for()
    assert last.locator(".command button").count() == 2 and last.locator(".body[data-part]").count() == 0
    opened.settled()


def test_it_is_whole_without_a_script(browser: Browser, files: dict[str, Path]) -> None:
    opened = Opened(browser, files["one"], java_script_enabled=False)
    page = opened.page
    assert not page.locator("#filter").is_visible() and not page.locator("#theme").is_visible()
    page.locator("article.finding > details > summary").click()
    assert page.locator("article.finding .diff").is_visible()
    page.locator(".step summary").click()
    assert page.locator(".trial.committed").is_visible()
    assert opened.said == []
    opened.context.close()


@pytest.mark.parametrize("part", range(4))
def test_no_attack_comes_through(browser: Browser, tmp_path: Path, part: int) -> None:
    known = None
    for number, attack in enumerate(("harmless words", *sample_reports.ATTACKS[part::4])):
        path = tmp_path / f"{number}.html"
        bad = sample_reports.poisoned(sample_reports.audit(many=24 if number == 1 else 1), attack)
        path.write_text(report.page(bad.review, bad), encoding="utf-8")
        opened = Opened(browser, path)
        opened.open_all()
        page = opened.page
        assert page.evaluate("window.pwned") is None
        tags = set(page.evaluate("[...document.querySelectorAll('*')].map((e) => e.tagName.toLowerCase())"))
        known = known or tags
        # Colours come and go with what the lexer makes of a text; buttons stand there in any case.
        assert tags <= known | {"span", "code", "noscript"}
        assert (
            page.evaluate("document.querySelectorAll('[onerror],[onload],[onfocus],[srcdoc],[style]').length") == 0
        )
        opened.settled()


@pytest.mark.timeout(240)
def test_thousands_of_findings_open_quickly(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    path.write_text(sample_reports.page(of=sample_reports.audit(many=600)), encoding="utf-8")
    assert path.stat().st_size < 10_000_000
    opened = Opened(browser, path)
    page = opened.page
    assert page.locator("article.finding").count() == 3000
    # What a browser works for is elements: a few for each finding.
    assert page.evaluate("document.querySelectorAll('*').length") < 150_000
    page.fill("#query", "leaves out the first price")
    page.wait_for_function("document.getElementById('shown').textContent === '600 of 3000 shown'")
    opened.settled()
