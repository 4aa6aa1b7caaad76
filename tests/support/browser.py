"""Chromium, as tests of pages use it: Debian's packages chromium and chromium-driver, driven by Selenium."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from places import DATA

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing_browser() -> str | None:
    """What is missing to test pages, as a sentence; None: nothing."""
    if find_spec("selenium") is None:
        return "tests of the page need Selenium: pip install selenium"
    if not _program() or not shutil.which("chromedriver"):
        return "tests of the page need a browser: apt-get install chromium chromium-driver"
    return None


class Browser:
    """A browser with one window. `driver` is Selenium's, for what isn't here."""

    def __enter__(self) -> Browser:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self._profile = tempfile.mkdtemp()
        options = webdriver.ChromeOptions()
        options.binary_location = _program() or ""
        for flag in (*_FLAGS, f"--user-data-dir={self._profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(shutil.which("chromedriver"))
        self.driver: Any = webdriver.Chrome(options=options, service=service)
        self.driver.execute_cdp_cmd("Network.enable", {})
        self._folders: set[Path] = set()
        return self

    def __exit__(self, *error: object) -> None:
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def reset(self) -> None:
        """As a fresh window, wide, with a light ground."""
        self.driver.get("about:blank")
        self.window(1280, 900)
        self.media()
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self._folders = set()

    def open(self, page: Path, state: str = "") -> None:
        """Open a page from the disk, afresh, with a state in its address."""
        self._folders.add(page.parent)
        self.driver.get("about:blank")
        self.driver.get(page.as_uri() + (f"#{state}" if state else ""))
        self.wait_for("html[data-drawn]")

    def window(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def media(self, scheme: str = "light", kind: str = "screen") -> None:
        """A light or dark ground; kind: "screen" or "print"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        """Elements by a CSS selector."""
        return list(self.driver.find_elements("css selector", selector))

    def one(self, selector: str) -> Any:
        """The one element of a selector."""
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} elements fit {selector}"
        return found[0]

    def text(self, selector: str) -> str:
        """All text in an element, shown or not, with single spaces."""
        return " ".join(str(self.one(selector).get_property("textContent")).split())

    def style(self, selector: str, name: str) -> str:
        """A property of the first element that fits, as the browser computed it."""
        script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
        return str(self.run(script, selector, name))

    def each(self, selector: str, expression: str) -> list[Any]:
        """What an expression of JavaScript gives for each element `one` that fits."""
        script = f"return [...document.querySelectorAll(arguments[0])].map((one) => {expression})"
        return list(self.run(script, selector))

    def click_on(self, element: Any) -> None:
        """A click on an element that is scrolled to first: the bar on top covers what is under it."""
        self.centre(element)
        element.click()

    def wait_for(self, selector: str) -> None:
        """Until an element fits, for at most ten seconds."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 10, 0.02).until(lambda _: self.all(selector))

    def wait_for_text(self, selector: str, *parts: str) -> None:
        """Until an element has one of these texts in it, for at most ten seconds."""
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, 10, 0.05)
        wait.until(lambda _: any(part in self.text(selector) for part in parts))

    def button(self, text: str, within: str = "body") -> Any:
        """The button of that text."""
        found = [each for each in self.all(f"{within} button") if " ".join(each.text.split()) == text]
        assert len(found) == 1, f"{len(found)} buttons say {text}"
        return found[0]

    def pick(self, focus: str, value: str) -> None:
        """Choose from the list that has that `data-focus`."""
        from selenium.webdriver.support.ui import Select

        Select(self.one(f"select[data-focus='{focus}']")).select_by_value(value)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """With the mouse, in pixels of the window."""
        self._mouse("mousePressed", *start, button="left", clickCount=1)
        for step in (0.5, 1.0):
            place = [a + step * (b - a) for a, b in zip(start, end, strict=True)]
            self._mouse("mouseMoved", *place, button="left", buttons=1)
        self._mouse("mouseReleased", *end, button="left", clickCount=1)

    def hover(self, x: float, y: float) -> None:
        self._mouse("mouseMoved", x, y)

    def click(self, x: float, y: float) -> None:
        self.drag((x, y), (x, y))

    def centre(self, element: Any) -> tuple[float, float]:
        """Of an element that is scrolled to, in pixels of the window."""
        script = (
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'});"
            "const box = arguments[0].getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2];"
        )
        x, y = self.run(script, element)
        return x, y

    def press(self, *keys: str) -> None:
        """Keys, to what has the focus; by their names of DOM, as "ArrowRight"."""
        for key in keys:
            text = {"Enter": "\r", "Space": " "}.get(key, key if len(key) == 1 else "")
            name = " " if key == "Space" else key
            event = {"key": name, "code": name, "text": text, "windowsVirtualKeyCode": _VIRTUAL.get(key, 0)}
            self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyDown", **event})
            self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])

    def errors(self) -> list[str]:
        """What the console got since the last call: errors and warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests_beyond_the_page(self) -> list[str]:
        """Addresses that were asked for, and lie in the network or outside of the folders of opened pages."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            address = message["params"]["request"]["url"]
            parts = urlsplit(address)
            ours = parts.scheme == "file" and self._folders & set(Path(unquote(parts.path)).parents)
            if parts.scheme not in ("data", "about") and not ours:
                found.append(address)
        return found

    def violations(self) -> list[str]:
        """What axe-core finds wrong for people who use a keyboard or a screen reader."""
        self.run((DATA / "axe-core/axe.min.js").read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((result) => done(result.violations));"
        )
        return [
            f"{rule['id']}: {rule['help']}: " + "; ".join(node["html"][:200] for node in rule["nodes"][:3])
            for rule in found
        ]

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})


_VIRTUAL = {
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Tab": 9,
}


def _program() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
