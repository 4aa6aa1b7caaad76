"""Names that are attacks stay text; the page asks for nothing; everybody can use it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from browser import Browser
from report_pages import ATTACK, CODECS, HOSTILE

from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports

MODES = ("slider", "side", "flicker", "error")


def test_names_stay_text(browser: Browser, hostile_report: Path) -> None:
    browser.open(hostile_report)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.driver.title == f"Image codecs on {HOSTILE}-set"
    assert not browser.all("img[src='x']") and len(browser.all("script")) == 2
    text = browser.text("body")
    for name in (HOSTILE, ATTACK, f"{HOSTILE}-set", f"1 {HOSTILE}"):
        assert name in text
    for name in browser.each("#matrix button, #images thead button, #curves button", "one.dataset.focus"):
        browser.run(
            "[...document.querySelectorAll('button')]"
            ".filter((one) => one.dataset.focus === arguments[0]).forEach((one) => one.click())",
            name,
        )
    assert browser.driver.title == f"Image codecs on {HOSTILE}-set"


def test_a_picture_of_a_hostile_name_stays_text(browser: Browser, report: Path) -> None:
    browser.open(report, f"pic={quote(HOSTILE + '.png')}&image={quote(HOSTILE + '.png')}")
    assert f"{HOSTILE}.png" in browser.text("#images")
    assert not browser.all("img[src='x']") and "hacked" not in browser.driver.title.replace(HOSTILE, "")


@pytest.mark.parametrize(
    "state",
    [
        "metric=<script>&anchor=__proto__&image=constructor&off=99-x&zoom=1_0_a_9&cost=toString",
        "at=constructor&sort=__proto__&pic=nothing&a=jpegx&at_a=1e999&cut=-5&scale=16&x=NaN&gain=&theme=pink",
        "%E0%A4%A&&&=&metric",
    ],
)
def test_an_address_that_says_nonsense_is_as_none(browser: Browser, report: Path, state: str) -> None:
    browser.open(report)
    before = browser.text("#main")
    browser.open(report, state)
    assert browser.text("#main") == before


def test_a_single_file_works_alone(
    browser: Browser, measured: Path, photos_to_code: Path, tmp_path: Path
) -> None:
    (written,) = write_reports(
        CODECS, str(photos_to_code), measured, Terms(intervals=False), out=tmp_path / "out", images="1",
        single_file=True,
    )  # fmt: skip
    mailed = tmp_path / "mailed" / "report.html"
    mailed.parent.mkdir()
    written.path.rename(mailed)
    browser.open(mailed, "at=pictures")
    script = (
        "const pictures = [...document.querySelectorAll('.stage img')];"
        "return Promise.all(pictures.map((one) => one.decode().then(() => one.naturalWidth)));"
    )
    assert browser.run(script) == [224, 224]


def test_the_policy_forbids_scripts_and_connections(chromium: Browser, report: Path) -> None:
    """Not by the fixture that wants no errors: these are errors on purpose."""
    chromium.reset()
    chromium.open(report)
    chromium.run(
        "const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
        "document.body.append(script);"
        "const image = new Image(); image.src = 'http://127.0.0.1:9/x.png'; document.body.append(image);"
        "return fetch('http://127.0.0.1:9/').catch(() => null);"
    )
    assert chromium.run("return window.ran") is None
    refused = " ".join(chromium.errors())
    for directive in ("script-src", "img-src", "default-src"):
        assert directive in refused, refused


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing(browser: Browser, report: Path, scheme: str, mode: str) -> None:
    browser.media(scheme)
    browser.open(report, f"mode={mode}&band=1&image={'coffee.png' if mode == 'side' else ''}")
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.violations() == []


def test_axe_finds_nothing_on_a_phone(browser: Browser, hostile_report: Path) -> None:
    browser.window(375, 700)
    browser.open(hostile_report)
    assert browser.violations() == []


@pytest.mark.parametrize("width", [320, 390, 768, 1024])
def test_nothing_sticks_out_of_a_narrow_screen(browser: Browser, report: Path, width: int) -> None:
    browser.window(width, 700)
    for mode in MODES:
        browser.open(report, f"mode={mode}")
        assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 1280])
def test_figures_along_a_scale_stand_apart(browser: Browser, report: Path, width: int) -> None:
    browser.window(width, 700)
    browser.open(report, "anchor=made-up")
    script = (
        "return [...document.querySelectorAll('#summary .axis span')].map((label) => {"
        "  const box = label.getBoundingClientRect();"
        "  return [box.left, box.right];}).filter(([left, right]) => right > left)"
    )
    labels = sorted(browser.run(script))
    assert len(labels) > 1
    assert all(one[1] < other[0] for one, other in pairwise(labels)), labels


def test_every_control_is_reached_by_the_keyboard(browser: Browser, report: Path) -> None:
    browser.open(report)
    wanted = browser.run(
        "return [...document.querySelectorAll('button, select, summary, input, a, [tabindex=\"0\"]')]"
        ".filter((one) => one.checkVisibility({visibilityProperty: true})).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        browser.press("Tab")
        place = "return [...document.querySelectorAll('*')].indexOf(document.activeElement)"
        reached.add(browser.run(place))
    assert len(reached) >= wanted
    browser.run("document.body.focus(); scrollTo(0, 0)")


def test_the_skip_link_leads_to_the_figures_and_keeps_the_state(browser: Browser, report: Path) -> None:
    browser.open(report, "metric=ms_ssim")
    browser.run("document.querySelector('.skip').focus()")
    browser.press("Enter")
    assert browser.run("return document.activeElement.id") == "main"
    assert browser.run("return location.hash") == "#metric=ms_ssim"


def test_light_and_dark_follow_the_system_and_the_button(browser: Browser, report: Path) -> None:
    browser.open(report)
    light = browser.style("body", "backgroundColor")
    browser.click_on(browser.button("Dark", "#bar"))
    dark = browser.style("body", "backgroundColor")
    assert dark != light
    browser.media("dark")
    browser.open(report)
    assert browser.style("body", "backgroundColor") == dark
    browser.click_on(browser.button("Light", "#bar"))
    assert browser.style("body", "backgroundColor") == light


def test_paper_gets_whole_tables_and_origins_without_controls(browser: Browser, report: Path) -> None:
    browser.media("dark", "print")
    browser.open(report)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    for hidden in ("#bar", "#pictures", ".controls"):
        assert browser.style(hidden, "display") == "none"
    assert browser.style("body", "backgroundColor") == "rgb(255, 255, 255)"
    assert browser.style(".scroller", "maxHeight") == "none"
    assert browser.style("#origins .origin dl", "display") != "none"
    assert all(browser.each("#origins .origin", "one.open"))
