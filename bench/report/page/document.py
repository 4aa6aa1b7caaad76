"""The HTML document: script, style and figures in one file, which asks for nothing but its pictures.

A page that is opened from the disk may load neither modules nor data, so all of it is in the document. Its
content security policy names the script and the style by their hash and forbids any other, and every
connection.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from string import Template
from typing import Any

# Scripts in the order in which they are joined: what is used comes first.
SCRIPTS = (
    "dom.js", "format.js", "data.js", "state.js", "stations.js", "scales.js", "plot.js", "legend.js",
    "summary.js", "curves.js", "curve_points.js", "images.js", "viewer_panes.js", "viewer.js",
    "matrix.js", "cost.js", "fixed.js", "origins.js", "start.js",
)  # fmt: skip
STYLES = (
    "base.css", "controls.css", "tables.css", "heat.css", "plots.css", "viewer.css", "print.css",
)  # fmt: skip
GENERATOR = "codec-bench report"  # by which a later report knows that it may replace this one


def document(title: str, data: dict[str, Any]) -> str:
    """The page of a title and the data that its scripts read."""
    script = "\n".join(['"use strict";', "(function () {", *map(asset, SCRIPTS), "})();", ""])
    style = "\n".join(map(asset, STYLES))
    return Template(asset("page.html")).substitute(
        policy=html.escape(_policy(script, style)),
        generator=GENERATOR,
        title=html.escape(title),
        style=style,
        script=script,
        data=script_safe(data),
    )


def script_safe(data: Any) -> str:
    r"""JSON that can stand in a <script> element, whatever texts are in it.

    >>> script_safe({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # "<" could end the element or open a comment; the two separators end a line in old JavaScript. What
    # isn't UTF-8 (half a surrogate pair, of a file's name) is escaped, too.
    text = text.replace("<", r"\u003c").replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")
    return "".join(char if not "\ud800" <= char <= "\udfff" else f"\\u{ord(char):04x}" for char in text)


def asset(name: str) -> str:
    """A file of the page's script or style."""
    return files("bench.report.page").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src 'self' file: data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    """As a policy names a script or style: what is between the tags, to the byte."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
