"""Which figures a remark of `bench compare` is about, so that the page can put it beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bench.compare.comparison import Comparison
from bench.metrics import get as get_metric

# What may follow or come before a codec's name without being a part of it.
_BEFORE, _AFTER = r"(?<![\w:=+.-])", r"(?![\w:=+-]|\.\w)"


def remarks(comparison: Comparison) -> list[dict[str, Any]]:
    """Warnings first, then notes: `kind`, `text`, `codecs` that it names, `metric` (a name, or None).

    A remark that names no codec is about all of them.
    """
    codecs = [curve.codec for curve in comparison.curves]
    titles = {get_metric(name).title: name for name in comparison.metrics}
    return [
        {
            "kind": kind,
            "text": text,
            "codecs": named_in(text, codecs),
            "metric": next((name for title, name in titles.items() if title in text), None),
        }
        for kind, texts in (("warning", comparison.warnings), ("note", comparison.notes))
        for text in texts
    ]


def named_in(text: str, codecs: Iterable[str]) -> list[str]:
    """The codecs that a text names, in the order of the text.

    >>> named_in("jpeg and vtm:bits=8 cross at 0.2 bpp", ["jpeg", "vtm", "vtm:bits=8"])
    ['jpeg', 'vtm:bits=8']
    """
    places: Sequence[tuple[int, str]] = [
        (match.start(), codec)
        for codec in codecs
        if (match := re.search(_BEFORE + re.escape(codec) + _AFTER, text))
    ]
    return [codec for _, codec in sorted(places)]
