"""What reports under test are of, and how a test reads the data of a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from browser import Browser

HOSTILE = "<img src=x onerror=document.title='hacked'>"
ATTACK = "</script><script>document.title='hacked'</script>"
DATASET = 'odd "set" & <b>more'
IMAGES = ("astronaut.png", "cat.png", "coffee.png", f"{HOSTILE}.png")
CODECS = ("made-up", "webp", "jpeg")  # the anchor last


def data_of(page: Path) -> dict[str, Any]:
    """The data that a page was written with."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    content: dict[str, Any] = json.loads(found)
    return content


def link_of(browser: Browser) -> str:
    """The state in the page's address, as a link has it. The page writes it a few times a second at most."""
    script = "return new Promise((done) => setTimeout(() => done(location.hash), 200))"
    return str(browser.run(script)).removeprefix("#")


def address(browser: Browser) -> dict[str, str]:
    """What the page's address says of its state."""
    fields = parse_qs(link_of(browser), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def pixels_of(browser: Browser, codec: str, number: int) -> tuple[float, float]:
    """Where the point of that number lies on the curve of a codec, in the window."""
    script = (
        "const curve = [...document.querySelectorAll('#curves .curve')]"
        "  .find((one) => one.dataset.codec === arguments[0]);"
        "document.querySelector('#curves-plot').scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = curve.querySelectorAll('.mark')[arguments[1]].getBoundingClientRect();"
        "return [box.left + box.width / 2, box.top + box.height / 2];"
    )
    x, y = browser.run(script, codec, number)
    return x, y
