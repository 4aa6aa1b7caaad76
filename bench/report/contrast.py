"""Colours that can be told from the ground they stand on, as WCAG 2.2 asks."""

from __future__ import annotations

_STEPS = 20


def readable(colour: str, ground: str, ratio: float) -> str:
    """The colour, moved toward black or white only so far that its contrast to a ground is enough.

    A grey on a dark ground is turned over: black is white there.

    Args:
        colour, ground: as #rrggbb.
        ratio: of luminances; WCAG asks for 3 for lines (1.4.11) and for 4.5 for text (1.4.3).

    >>> readable("#0072B2", "#ffffff", 3)
    '#0072b2'
    >>> readable("#000000", "#15181d", 4.5)
    '#ffffff'
    """
    channels, ground_channels = _channels(colour), _channels(ground)
    dark = _luminance(ground_channels) < 0.18
    if dark and len(set(channels)) == 1:
        channels = [255 - channel for channel in channels]
    for step in range(_STEPS + 1):
        mixed = _mixed(channels, [255 if dark else 0] * 3, step / _STEPS)
        if _contrast(mixed, ground_channels) >= ratio:
            break
    return _text(mixed)


def muted(colour: str, share: float) -> str:
    """The colour with a share of white, 0 to 1.

    >>> muted("#000000", 0.6)
    '#999999'
    """
    return _text(_mixed(_channels(colour), [255] * 3, share))


def _mixed(channels: list[int], others: list[int], share: float) -> list[int]:
    return [round(one + share * (other - one)) for one, other in zip(channels, others, strict=True)]


def _text(channels: list[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in channels)


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
