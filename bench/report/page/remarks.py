"""Which figures a remark of `bench compare` is about, so that the page can put it beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bench.compare.comparison import Comparison
from bench.compare.means import MeanDelta
from bench.metrics import get as get_metric

# What may come before or follow a codec's name without being a part of it.
_BEFORE, _AFTER = r"(?<![\w:=+.-])", r"(?![\w:=+-]|\.\w)"


def remarks(comparison: Comparison) -> list[dict[str, Any]]:
    """Warnings first, then notes.

    Returns:
        For each `kind` ("warning" or "note"), `parts` (see `parts_of`), `codecs` that it names (none: it is
        about all) and `metric` (a name, or None).
    """
    codecs = [curve.codec for curve in comparison.curves]
    titles = {get_metric(name).title: name for name in comparison.metrics}
    remarks = []
    means = [_of_mean(mean) for mean in comparison.means]
    for kind, texts in (("warning", comparison.warnings), ("note", [*means, *comparison.notes])):
        for text in texts:
            parts = parts_of(text, codecs)
            remarks.append(
                {
                    "kind": kind,
                    "parts": parts,
                    "codecs": list(dict.fromkeys(part["codec"] for part in parts if "codec" in part)),
                    "metric": next((name for title, name in titles.items() if title in text), None),
                }
            )
    return remarks


def _of_mean(mean: MeanDelta) -> str:
    if mean.bd_rate is None:
        return f"{mean.codec}: {mean.reason}"
    ends = f" ({mean.interval[0]:+.2f} to {mean.interval[1]:+.2f} %)" if mean.interval else ""
    return f"{mean.codec}: the mean BD-rate by the metrics of {mean.metric} is {mean.bd_rate:+.2f} %{ends}"


def parts_of(text: str, codecs: Iterable[str]) -> list[dict[str, str]]:
    """A text in parts, each a `text` or the name of a `codec`; joined they are the text again.

    >>> parts_of("jpeg and vtm:bits=8 cross", ["jpeg", "vtm", "vtm:bits=8"])
    [{'codec': 'jpeg'}, {'text': ' and '}, {'codec': 'vtm:bits=8'}, {'text': ' cross'}]
    """
    names = "|".join(re.escape(codec) for codec in sorted(codecs, key=len, reverse=True))
    pieces = re.split(f"{_BEFORE}({names}){_AFTER}", text)  # texts and names in turn
    return [{"codec" if place % 2 else "text": piece} for place, piece in enumerate(pieces) if piece]
