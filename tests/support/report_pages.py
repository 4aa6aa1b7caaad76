"""What reports under test are of, and how a test reads the data of a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

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
