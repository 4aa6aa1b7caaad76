"""Colours and markers of codecs on the page: those of the plots, legible on a light and a dark ground."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.report.contrast import readable
from bench.report.plots.looks import styles

LIGHT, DARK = "#ffffff", "#15181d"  # grounds of plots, as in assets/base.css
# Least ratio of a line to its ground. WCAG 2.2 (success criterion 1.4.11) asks for 3; thin lines on a dark
# ground look dimmer than that.
CONTRAST = {LIGHT: 3.0, DARK: 4.5}


def looks(codecs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By codec: `light` and `dark` (colours as #rrggbb), `marker` (as matplotlib names it) and `dashed`."""
    return {
        codec: {
            "light": readable(style.colour, LIGHT, CONTRAST[LIGHT]),
            "dark": readable(style.colour, DARK, CONTRAST[DARK]),
            "marker": style.marker,
            "dashed": style.published,
        }
        for codec, style in styles(codecs).items()
    }
