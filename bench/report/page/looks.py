"""Colours and markers of codecs on the page: those of the plots, legible on a light and a dark ground."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.report.plots import styles

LIGHT, DARK = "#ffffff", "#15181d"  # grounds of plots, as in assets/base.css
# Least ratio of a line to its ground. WCAG 2.2 (success criterion 1.4.11) asks for 3; thin lines on a dark
# ground look dimmer than that.
CONTRAST = {LIGHT: 3.0, DARK: 4.5}

_STEPS = 20


def looks(codecs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By codec: `light` and `dark` (colours as #rrggbb), `marker` (as matplotlib names it) and `dashed`."""
    return {
        codec: {
            "light": legible(style.colour, LIGHT),
            "dark": legible(style.colour, DARK),
            "marker": style.marker,
            "dashed": style.published,
        }
        for codec, style in styles(codecs).items()
    }


def legible(colour: str, ground: str) -> str:
    """The colour, moved toward black or white only so far that it has `CONTRAST` to the ground, LIGHT or
    DARK. A grey is turned over on the dark ground: black is white there.

    >>> legible("#0072B2", LIGHT)
    '#0072b2'
    >>> legible("#000000", DARK)
    '#ffffff'
    """
    channels = _channels(colour)
    if ground == DARK and len(set(channels)) == 1:
        channels = [255 - channel for channel in channels]
    end = 255 if ground == DARK else 0
    for step in range(_STEPS + 1):
        share = step / _STEPS
        mixed = [round(channel + share * (end - channel)) for channel in channels]
        if _contrast(mixed, _channels(ground)) >= CONTRAST[ground]:
            break
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def _contrast(one: list[int], other: list[int]) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(channels: list[int]) -> float:
    """Relative luminance, 0 to 1, of sRGB channels, 0 to 255 (WCAG 2.2, "relative luminance")."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in channels)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
