"""The viewer in a browser: two codecs beside the original, at rates whose gap is told."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from browser import Browser
from PIL import Image
from report_pages import HOSTILE, address, data_of, link_of, pixels_of


def box_of(browser: Browser, selector: str) -> dict[str, float]:
    script = (
        "const one = document.querySelector(arguments[0]);"
        "one.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const {left, top, width, height} = one.getBoundingClientRect();"
        "return {left, top, width, height};"
    )
    found: dict[str, float] = browser.run(script, selector)
    return found


def loaded(browser: Browser) -> bool:
    """Whether all pictures of the stage are there, in their size."""
    script = (
        "const pictures = [...document.querySelectorAll('.stage img')];"
        "return Promise.all(pictures.map((one) => one.decode())).then(() => "
        "  pictures.length > 0 && pictures.every((one) => one.naturalWidth === 224));"
    )
    return bool(browser.run(script))


def point(content: dict[str, Any], codec: str, image: str, quality: float) -> dict[str, Any]:
    (points,) = (each["images"] for each in content["codecs"] if each["name"] == codec)
    (found,) = (p for p in points[content["images"].index(image)] if p["quality"] == quality)
    return dict(found)


def test_it_tells_both_rates_and_how_far_they_are_apart(browser: Browser, report: Path) -> None:
    content = data_of(report)
    page = content["pictures"]["pages"][0]
    browser.open(report, "at=pictures&a=jpeg&b=webp")
    assert loaded(browser)
    mine, theirs = (
        [
            point(content, codec, page["image"], each["quality"])
            for each in page["decoded"]
            if each["codec"] == codec
        ]
        for codec in ("jpeg", "webp")
    )
    mine.sort(key=lambda each: float(each["bpp"]))
    a = mine[(len(mine) - 1) // 2]
    b = min(theirs, key=lambda each: max(each["bpp"] / a["bpp"], a["bpp"] / each["bpp"]))
    gap = 100 * (b["bpp"] / a["bpp"] - 1)
    text = browser.text("#pictures .captions")
    assert f"quality {a['quality']:g}, {a['bpp']:.4f} bpp" in text
    assert f"quality {b['quality']:g}, {b['bpp']:.4f} bpp" in text
    assert f"{abs(gap):.1f} % {'more' if gap > 0 else 'fewer'} bits than A" in text
    assert f"PSNR (RGB) {a['db']['psnr']:.2f} dB" in text


def test_the_slider_follows_mouse_and_keys(browser: Browser, report: Path) -> None:
    browser.open(report, "at=pictures&a=jpeg&b=webp")
    box = box_of(browser, ".pane.slider")
    middle = box["top"] + box["height"] / 2
    browser.drag((box["left"] + box["width"] / 2, middle), (box["left"] + box["width"] / 4, middle))
    assert abs(float(address(browser)["cut"]) - 25) < 1
    browser.press("ArrowRight")
    assert abs(float(address(browser)["cut"]) - 27) < 1
    assert float(browser.one("input.cut").get_attribute("value")) == float(address(browser)["cut"])


def test_left_and_right_of_the_slider_are_the_two_codecs(browser: Browser, report: Path) -> None:
    """Seen on the screen: left of the line are pixels of one picture, right of it those of the other."""
    content = data_of(report)
    browser.open(report, "at=pictures&a=jpeg&b=webp&scale=1")
    assert loaded(browser)
    box = box_of(browser, ".pane.slider")
    with Image.open(io.BytesIO(browser.screenshot())) as image:
        seen = np.array(image.convert("RGB"))
    page = content["pictures"]["pages"][0]
    left, top = round(box["left"] + (box["width"] - 224) / 2), round(box["top"] + (box["height"] - 176) / 2)
    shown = seen[top : top + 176, left : left + 224].astype(int)
    pictures = {}
    for each in page["decoded"]:
        with Image.open(report.parent / each["src"]) as image:
            pictures[each["codec"], each["quality"]] = np.array(image.convert("RGB")).astype(int)

    def nearest(part: slice) -> str:
        error = {key: abs(shown[60:, part] - pixels[60:, part]).mean() for key, pixels in pictures.items()}
        return min(error, key=lambda key: error[key])[0]

    assert (nearest(slice(0, 100)), nearest(slice(124, 224))) == ("jpeg", "webp")


def test_zooming_keeps_panes_in_step_and_does_not_smooth(browser: Browser, report: Path) -> None:
    browser.open(report, "at=pictures&a=jpeg&b=webp&mode=side")
    assert len(browser.all(".stage .pane")) == 3
    browser.click_on(browser.button("4\u00d7", "#pictures"))
    transforms = browser.each(".stage .layer", "one.style.transform")
    assert len(transforms) == 3 and len(set(transforms)) == 1 and "scale(4)" in transforms[0]
    assert browser.style(".stage .layer", "imageRendering") == "pixelated"
    box = box_of(browser, ".pane")
    centre = box["left"] + box["width"] / 2, box["top"] + box["height"] / 2
    browser.drag(centre, (centre[0] - 40, centre[1] - 20))
    moved = browser.each(".stage .layer", "one.style.transform")
    assert len(set(moved)) == 1 and moved != transforms
    assert float(address(browser)["x"]) > 0.5
    browser.press("0")
    assert "scale" not in address(browser)


def test_keys_flicker_between_original_and_codecs(browser: Browser, report: Path) -> None:
    browser.open(report, "at=pictures&a=jpeg&b=webp")
    browser.run("document.querySelector('.stage').focus()")
    seen = []
    for _ in range(4):
        browser.press("f")
        (one,) = browser.run(
            "return [...document.querySelectorAll('.stage .layer')]"
            ".filter((one) => getComputedStyle(one).visibility === 'visible').map((one) => one.alt)"
        )
        seen.append(one)
    page = data_of(report)["pictures"]["pages"][0]["image"]
    assert seen[0] == f"Original of {page}" and "by JPEG" in seen[1] and "by WebP" in seen[2]
    assert seen[3] == seen[0]
    browser.press("2")
    assert address(browser)["show"] == "a"


def test_the_error_map_is_the_difference_enlarged(browser: Browser, report: Path) -> None:
    browser.open(report, "at=pictures&a=jpeg&b=webp&mode=error")
    assert len(browser.all(".stage .pane")) == 2
    assert browser.style(".layer.difference", "mixBlendMode") == "difference"
    assert browser.style(".pane.error .layers", "filter") == "brightness(8)"
    browser.pick("gain", "16")
    assert browser.style(".pane.error .layers", "filter") == "brightness(16)"


def test_a_point_of_a_curve_opens_its_pictures(browser: Browser, report: Path) -> None:
    content = data_of(report)
    browser.open(report)
    browser.pick("image", "coffee.png")
    quality = content["codecs"][1]["images"][content["images"].index("coffee.png")][2]["quality"]
    browser.click(*pixels_of(browser, "webp", 2))
    state = address(browser)
    assert (state["a"], state["at"]) == ("webp", "pictures")
    assert "coffee.png" in browser.one("#pictures .captions").get_attribute("aria-label")
    shown = {
        each["quality"] for page in content["pictures"]["pages"] for each in page["decoded"]
        if page["image"] == "coffee.png" and each["codec"] == "webp"
    }  # fmt: skip
    nearest = min(shown, key=lambda each: abs(each - quality))
    assert f"WebP quality {nearest:g}," in browser.text("#pictures .captions")


def contents(browser: Browser) -> list[Any]:
    """All that is shown: texts, curves, and where the pictures are."""
    return [
        browser.each("section", "one.innerText"),
        browser.each("#curves-plot .line, #cost-plot .mark", "one.getAttribute('d')"),
        browser.each(".stage .layer", "one.style.transform"),
        browser.each(".stage", "one.style.cssText"),
    ]


def test_a_link_shows_the_same(browser: Browser, report: Path, moved: Path) -> None:
    browser.open(report, "at=pictures&a=webp&b=jpeg")
    browser.click_on(browser.button("MS-SSIM (RGB)", "#bar"))
    browser.pick("pic", f"{HOSTILE}.png")
    browser.click_on(browser.button("2\u00d7", "#pictures"))
    browser.click_on(browser.one("#curves .legend button[data-focus='codec made-up']"))
    browser.run("document.querySelector('.stage').focus()")
    browser.press("ArrowRight", "ArrowDown")
    before, link = contents(browser), link_of(browser)
    browser.open(moved, link)
    assert loaded(browser)
    assert contents(browser) == before
    assert address(browser)["pic"] == f"{HOSTILE}.png"


def test_a_codec_without_pictures_is_told_with_a_command(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert "Pictures of 1 codec are missing" in browser.text("#pictures")
    assert "--keep --resume all" in browser.text("#pictures .missing")


def test_without_any_pictures_the_page_says_what_makes_them(browser: Browser, hostile_report: Path) -> None:
    browser.open(hostile_report)
    assert "There are no decoded pictures to show" in browser.text("#pictures")
    assert browser.text("#pictures .missing").count("--keep --resume all") == 2
