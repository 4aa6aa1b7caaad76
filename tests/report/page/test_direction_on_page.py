"""A metric of which less is better, on the page: up is better, and its own values are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from made_up import QUALITIES, row
from report_pages import address

from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports
from bench.results import Store


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two codecs; CIEDE2000 is 50 less PSNR."""
    folder = tmp_path_factory.mktemp("both-ways")
    for codec, factor in (("mine", 0.8), ("jpeg", 1.0)):
        for image in ("a", "b", "c"):
            for quality in QUALITIES:
                made = row(codec, image, quality, factor)
                value = made.metrics["psnr"] or 0.0
                values: dict[str, float | None] = {"psnr": value, "ciede2000": 50 - value}
                Store(folder).append(row(codec, image, quality, factor, metrics=values))
    (written,) = write_reports(["mine", "jpeg"], "set", folder, Terms(), out=folder / "out")
    return written.path


def seen(browser: Browser) -> dict[str, Any]:
    """Heights of the marks from the top of the plot, labels of its axis, and the classes of fixed rates."""
    script = (
        "const top = document.querySelector('#curves-plot').getBoundingClientRect().top;"
        "const marks = [...document.querySelectorAll('#curves-plot .curve .mark')];"
        "const ticks = [...document.querySelectorAll('#curves-plot .axes text[text-anchor=end]')];"
        "const cells = [...document.querySelectorAll('#fixed table')].at(-1).querySelectorAll('td');"
        "return {heights: marks.map((one) => Math.round(one.getBoundingClientRect().top - top)),"
        "  ticks: ticks.map((one) => [Number(one.textContent), one.getBoundingClientRect().top]),"
        "  classes: [...cells].map((one) => one.className),"
        "  gaps: [...cells].map((one) => one.textContent)};"
    )
    result: dict[str, Any] = browser.run(script)
    return result


def test_up_is_better_and_ticks_are_the_metric_s_own(browser: Browser, page: Path) -> None:
    browser.open(page)
    higher = seen(browser)
    browser.open(page, "metric=ciede2000")
    lower = seen(browser)
    assert lower["heights"] == pytest.approx(higher["heights"], abs=1) and len(lower["heights"]) == 10
    values = [value for value, _ in sorted(lower["ticks"], key=lambda tick: tick[1])]  # from the top
    assert values == sorted(values) and len(values) > 2 and values[-1] > 0
    assert "CIEDE2000, Delta E (less is better)" in browser.text("#curves-plot")
    assert lower["classes"] == higher["classes"] and any("less" in name for name in lower["classes"])
    assert lower["gaps"] != higher["gaps"]


def test_zooming_works_there_too(browser: Browser, page: Path) -> None:
    browser.open(page, "metric=ciede2000")
    box = browser.run(
        "const plot = document.querySelector('#curves-plot');"
        "plot.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const {left, top, width, height} = plot.getBoundingClientRect(); return [left, top, width, height];"
    )
    left, top, width, height = box
    browser.drag((left + 0.3 * width, top + 0.3 * height), (left + 0.7 * width, top + 0.6 * height))
    zoom = [float(part) for part in address(browser)["zoom"].split("_")]
    assert zoom[0] < zoom[1] and 0 < zoom[2] < zoom[3]
