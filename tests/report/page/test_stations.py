"""The page in a browser: what a reader does at each station, and what is then to be seen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from report_pages import CODECS, DATASET, IMAGES, address, data_of, pixels_of

from bench.compare.comparison import compare
from bench.report.page.document import document

TITLES = {"made-up": "made-up", "webp": "WebP", "jpeg": "JPEG"}


def deltas(results: Path, anchor: str) -> dict[tuple[str, str], Any]:
    """By codec and metric, of a comparison with that anchor."""
    names = [*(name for name in CODECS if name != anchor), anchor]
    (found,) = compare(names, DATASET, results)
    return {(delta.codec, delta.metric): delta for delta in found.deltas}


def signed(value: float, digits: int) -> str:
    """As the page writes it, with a minus that is one."""
    return f"{value:+.{digits}f}".replace("-", "\u2212")


def rows_of(browser: Browser, table: str) -> dict[str, list[str]]:
    """The texts of a table's cells, by the name in its row."""
    script = (
        "const text = (cell) => cell.textContent.trim();"
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) => ["
        "  (row.querySelector('th .name') || row.querySelector('th')).textContent.trim(),"
        "  [...row.querySelectorAll('td')].map(text)]);"
    )
    return {name: cells for name, cells in browser.run(script, table)}


def test_it_opens_with_the_bd_rates_of_compare(browser: Browser, report: Path, measured: Path) -> None:
    browser.open(report)
    table = rows_of(browser, "#summary")
    assert list(table) == ["made-up", "WebP", "JPEG"]  # the best first
    assert table["JPEG"][0] == "anchor"
    for (codec, metric), delta in deltas(measured, "jpeg").items():
        if metric == "psnr":
            rate, _, gain, best, worst, overlap, _ = table[TITLES[codec]]
            low, high = (signed(end, 2) for end in delta.interval.bd_rate)
            assert rate == f"{signed(delta.bd.bd_rate, 2)} %{low} to {high}"
            assert gain == signed(delta.bd.bd_metric, 3)
            assert overlap == f"{100 * delta.bd.overlap:.0f} %"
            for cell, image in ((best, delta.ranked[0]), (worst, delta.ranked[-1])):
                assert cell == f"{signed(image.bd.bd_rate, 2)} %{image.image}"
    first = deltas(measured, "jpeg")["made-up", "psnr"].bd.bd_rate
    assert f"made-up needs {abs(first):.2f} % fewer bits than JPEG" in browser.text("#masthead")


def test_another_metric_changes_all_figures(browser: Browser, report: Path, measured: Path) -> None:
    browser.open(report)
    browser.click_on(browser.button("MS-SSIM (RGB)", "#bar"))
    delta = deltas(measured, "jpeg")["webp", "ms_ssim"]
    assert rows_of(browser, "#summary")["WebP"][0].startswith(f"{signed(delta.bd.bd_rate, 2)} %")
    assert "MS-SSIM (RGB), dB" in browser.text("#curves-plot")
    assert rows_of(browser, "#matrix")["WebP"][-1] == signed(delta.bd.bd_rate, 1)
    assert address(browser) == {"metric": "ms_ssim"}


@pytest.mark.parametrize("way", ["list", "matrix"])
def test_another_anchor_changes_all_figures(browser: Browser, report: Path, measured: Path, way: str) -> None:
    browser.open(report)
    if way == "list":
        browser.pick("anchor", "webp")
    else:
        browser.click_on(browser.one("#matrix button[data-focus='anchor webp']"))
        assert browser.run("return document.activeElement.dataset.focus") == "anchor webp"
    found = deltas(measured, "webp")
    table = rows_of(browser, "#summary")
    assert table["WebP"][0] == "anchor"
    for codec in ("made-up", "jpeg"):
        rate = found[codec, "psnr"].bd.bd_rate
        assert table[TITLES[codec]][0].startswith(f"{signed(rate, 2)} %")
        images = rows_of(browser, "#images")
        for image in found[codec, "psnr"].images:
            assert any(
                cell.startswith(signed(image.bd.bd_rate, 1)) for cell in images_row(images, image.image)
            )
    assert address(browser)["anchor"] == "webp"


def images_row(table: dict[str, list[str]], image: str) -> list[str]:
    """The row of an image, whose first cell also holds buttons."""
    (cells,) = (cells for name, cells in table.items() if name.startswith(image))
    return cells


def test_the_matrix_has_every_codec_against_every_other(
    browser: Browser, report: Path, measured: Path
) -> None:
    browser.open(report)
    table = rows_of(browser, "#matrix")
    order = list(table)
    assert order == ["made-up", "WebP", "JPEG"]
    for anchor in CODECS:
        for (codec, metric), delta in deltas(measured, anchor).items():
            if metric == "psnr":
                cell = table[TITLES[codec]][order.index(TITLES[anchor])]
                assert cell == signed(delta.bd.bd_rate, 1)


def test_pointing_at_a_curve_tells_image_quality_rate_and_value(browser: Browser, report: Path) -> None:
    content = data_of(report)
    webp = next(codec for codec in content["codecs"] if codec["name"] == "webp")
    browser.open(report)
    browser.hover(*pixels_of(browser, "webp", 2))
    point = webp["points"][2]
    tip = browser.text("#curves-plot .tip")
    for part in (
        "WebP", "mean over 4 images", f"quality {point['quality']:g}", f"{point['bpp']:.4f} bpp",
        f"PSNR (RGB) {point['db']['psnr']:.3f} dB", f"MS-SSIM (RGB) {point['db']['ms_ssim']:.3f} dB",
    ):  # fmt: skip
        assert part in tip
    browser.pick("image", "coffee.png")
    browser.hover(*pixels_of(browser, "webp", 1))
    point = webp["images"][content["images"].index("coffee.png")][1]
    tip = browser.text("#curves-plot .tip")
    assert "coffee.png" in tip and f"{point['bpp']:.4f} bpp" in tip and f"{point['db']['psnr']:.3f} dB" in tip
    assert address(browser)["image"] == "coffee.png"


def test_codecs_are_switched_off_and_on(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.click_on(browser.one("#curves .legend button[data-focus='codec webp']"))
    assert sorted(browser.each("#curves .curve", "one.dataset.codec")) == ["jpeg", "made-up"]
    assert "WebP" not in rows_of(browser, "#matrix")
    assert browser.run("return document.activeElement.getAttribute('aria-pressed')") == "false"
    assert address(browser) == {"off": "1"}
    browser.click_on(browser.button("All", "#curves"))
    assert len(browser.all("#curves .curve")) == 3


def test_the_rate_axis_becomes_logarithmic(browser: Browser, report: Path) -> None:
    browser.open(report, "log=0")

    def distances() -> list[float]:
        places = [pixels_of(browser, "webp", number)[0] for number in (0, 1, 2)]
        return [places[1] - places[0], places[2] - places[1]]

    rates = [point["bpp"] for point in data_of(report)["codecs"][1]["points"][:3]]
    first, second = distances()
    assert first / second == pytest.approx((rates[1] - rates[0]) / (rates[2] - rates[1]), rel=0.05)
    browser.click_on(browser.button("Logarithmic rate", "#curves"))
    first, second = distances()
    logs = [math.log(rate) for rate in rates]
    assert first / second == pytest.approx((logs[1] - logs[0]) / (logs[2] - logs[1]), rel=0.05)


def test_dragging_zooms_and_a_button_zooms_out(browser: Browser, report: Path) -> None:
    browser.open(report)
    x, y = pixels_of(browser, "webp", 1)
    before = pixels_of(browser, "webp", 1)
    browser.drag((x - 60, y - 60), (x + 60, y + 60))
    assert len(address(browser)["zoom"].split("_")) == 4
    ((left, width),) = browser.each(
        "#curves-plot svg", "[one.getBoundingClientRect().left, one.getBoundingClientRect().width]"
    )
    assert pixels_of(browser, "webp", 1)[0] == pytest.approx(left + width / 2, abs=40)
    browser.click_on(browser.button("Zoom out", "#curves"))
    assert pixels_of(browser, "webp", 1) == pytest.approx(before)


def test_bands_are_drawn_on_request(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert not browser.all("#curves .band")
    browser.click_on(browser.button("95 % bands", "#curves"))
    assert len(browser.all("#curves .band")) == 3
    browser.hover(*pixels_of(browser, "jpeg", 1))
    band = data_of(report)["codecs"][2]["bands"]["psnr"][1]
    assert f"({band['value'][0]:.2f} to {band['value'][1]:.2f})" in browser.text("#curves-plot .tip")


def test_images_are_sorted_and_marked(browser: Browser, report: Path, measured: Path) -> None:
    browser.open(report)
    ranked = [image.image for image in deltas(measured, "jpeg")["webp", "psnr"].ranked]

    def order() -> list[str]:
        return browser.each("#images tbody th .quiet:first-child", "one.textContent")

    assert order() == sorted(IMAGES)
    browser.click_on(browser.one("#images button[data-focus='sort webp']"))
    assert order() == ranked
    assert browser.one("#images th[aria-sort='ascending']").text.startswith("WebP")
    browser.click_on(browser.one("#images button[data-focus='sort webp']"))
    assert order() == ranked[::-1]
    marks = {
        name: [cell for cell in cells if "best" in cell or "worst" in cell]
        for name, cells in rows_of(browser, "#images").items()
    }
    assert any("best" in cell for cell in images_row(marks, ranked[0]))
    assert any("worst" in cell for cell in images_row(marks, ranked[-1]))


def test_costs_are_drawn_where_times_count(browser: Browser, report: Path) -> None:
    content = data_of(report)
    browser.open(report, "cost=decode_memory")
    assert len(browser.all("#cost .curve")) == 3
    assert browser.all("#cost .front")
    costs = {cost["codec"]: cost for cost in content["costs"]}
    table = rows_of(browser, "#cost")
    assert f"{costs['jpeg']['decode_memory'] / 2**20:.0f}" in table["JPEG"]
    fronts = content["anchors"][content["anchor"]]["fronts"]["psnr"]["decode_memory"][""]
    strong = browser.each("#cost .curve.strong", "one.dataset.codec")
    assert fronts and sorted(strong) == sorted(fronts)
    assert "Multiply-adds are counted of learned codecs" in browser.text("#cost")


def test_costs_are_of_one_machine_and_multiply_adds_are_shown(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    content = data_of(report)
    machines = ("one", "several machines", "two")
    for codec, cost, machine in zip(content["codecs"], content["costs"], machines, strict=True):
        codec["origin"]["timed_on"] = machine
        cost |= {"decode_s": 0.5, "decode_multiply_adds": 1000.0 * (1 + len(machine))}
    content["pictures"] = {"pages": [], "missing": [], "bytes": 0}
    page = tmp_path / "index.html"
    page.write_text(document("title", content), encoding="utf-8")
    browser.open(page)
    shown = "one.dataset.codec"
    assert browser.each("#cost .curve", shown) == ["made-up"]
    assert "WebP (times of several machines), JPEG (times of two)" in browser.text("#cost")
    browser.pick("device", "two")
    assert browser.each("#cost .curve", shown) == ["jpeg"]
    browser.pick("cost", "decode_multiply_adds")
    assert sorted(browser.each("#cost .curve", shown)) == ["jpeg", "made-up", "webp"]
    assert "Multiply-adds of decoding, per pixel" in browser.text("#cost-plot")


def test_the_curve_plot_answers_to_the_keyboard(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.run("document.querySelector('#curves-plot svg').focus()")
    browser.press("ArrowRight")
    first = browser.text("#live")
    assert first.startswith("made-up") and "quality" in first
    browser.press("ArrowDown")
    assert browser.text("#live").startswith("WebP")
    before = browser.text("#live")
    browser.press("ArrowRight")
    assert browser.text("#live").startswith("WebP") and browser.text("#live") != before
    browser.press("Escape")
    assert not browser.one("#curves-plot .tip").is_displayed()


def test_the_same_points_are_in_a_table(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.run("document.querySelector('#curves details').open = true")
    lines = browser.each("#curves details tbody tr", "one.innerText.split('\\t')")
    points = [
        [codec["title"], f"{point['quality']:g}", f"{point['bpp']:.4f}", f"{point['db']['psnr']:.3f}"]
        for codec in data_of(report)["codecs"]
        for point in codec["points"]
    ]
    assert sorted(lines) == sorted(points)


def test_equal_quality_and_equal_rate_are_those_of_compare(browser: Browser, report: Path) -> None:
    browser.open(report)
    views = data_of(report)["anchors"]["jpeg"]["views"]
    table = browser.text("#fixed")
    (quality,) = (view for view in views if view["metric"] == "psnr" and view["fixed"] == "quality")
    for line in quality["lines"]:
        for value, gap in line["entries"].values():
            if value is not None:
                assert f"{value:.3f}" in table
            if gap is not None:
                assert f"{signed(gap, 1)} %" in table


def test_origins_have_a_command_to_copy(browser: Browser, report: Path) -> None:
    browser.open(report)
    (origin,) = (each for each in browser.all("#origins .origin") if each.text.startswith("JPEG"))
    browser.click_on(origin.find_element("css selector", "summary"))
    assert f"bench run --codec jpeg --dataset '{DATASET}'" in origin.text
    browser.click_on(origin.find_element("css selector", "button.copy"))
    browser.wait_for_text("#live", "copied", "press Ctrl+C")
