"""What a codec looks like in all plots, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from bench.compare import published
from bench.compare.comparison import Comparison
from bench.report.contrast import muted, readable
from bench.report.names import display_names

# Okabe and Ito's colours without their yellow, which is too pale for a line, then five of Paul Tol's
# "muted" scheme: told apart by colour-blind readers too. A marker of its own tells codecs apart in print.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
    "#882255", "#332288", "#44AA99", "#999933", "#777777",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", "*", ">", "p", "h")

# Their places in both lists: a codec looks the same in every plot.
_KNOWN = {
    "ainn": 0, "jpeg": 1, "webp": 2, "bpg": 3, "avif": 4, "jpegxl": 5, "vtm": 6,
    "jpeg2000": 7, "hm": 8, "av1": 9, "heic": 10, "hevc": 11,
}  # fmt: skip

MUTED = 0.55  # share of white in the colour of a curve that others are compared with
WHITE = "#ffffff"  # the ground of plots


class Style(NamedTuple):
    colour: str
    marker: str
    published: bool  # drawn dashed, with small, hollow markers


def styles(codecs: Iterable[str]) -> dict[str, Style]:
    """A colour and a marker for each codec, decided by its name.

    Well-known codecs have theirs always. Another takes what its name hashes to, or, where one of these codecs
    has that, the next that is free. A published curve looks like the codec that it is of, but for its line.
    """
    codecs = list(codecs)
    bare = sorted({codec.removeprefix(published.PREFIX) for codec in codecs})
    places = {name: (_KNOWN[name], _KNOWN[name]) for name in bare if name in _KNOWN}
    for may_move in (False, True):  # who needn't move isn't moved by one who must
        for name in bare:
            if name not in places:
                place, clashes = _free_place(name, list(places.values()))
                if may_move or not clashes:
                    places[name] = place
    return {
        codec: Style(COLOURS[colour], MARKERS[marker], codec.startswith(published.PREFIX))
        for codec in codecs
        for colour, marker in [places[codec.removeprefix(published.PREFIX)]]
    }


def names(comparison: Comparison) -> dict[str, str]:
    """How each codec is written, with how chroma is sampled where the name doesn't tell: "WebP (4:2:0)"."""
    written = display_names({curve.codec: _version(comparison, curve.codec) for curve in comparison.curves})
    return {
        codec: f"{name} ({sampling})"
        if (sampling := comparison.sampling.get(codec)) and "chroma=" not in codec
        else name
        for codec, name in written.items()
    }


def font_note(comparison: Comparison) -> str | None:
    """What to know of characters in names that the font of plots lacks; None if it lacks none."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    texts = "".join([comparison.dataset, *names(comparison).values()])
    font = get_font(findfont(FontProperties()))
    lacking = [c for c in dict.fromkeys(texts) if c.isprintable() and not font.get_char_index(ord(c))]
    if not lacking:
        return None
    return f"plots show boxes for characters that their font lacks: {' '.join(lacking)}"


def ink(colour: str) -> str:
    """The colour, dark enough for text."""
    return readable(colour, WHITE, 4.5)


def faint(colour: str) -> str:
    """The colour, for what stands behind something else."""
    return muted(colour, MUTED)


def _version(comparison: Comparison, codec: str) -> str:
    if codec.startswith(published.PREFIX):
        return str(published.facts(codec.removeprefix(published.PREFIX)).get("version") or "")
    return comparison.versions.get(codec, "")


def _free_place(name: str, taken: list[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
    """Indices of colour and marker, and whether they aren't the name's first choice.

    Both are free, or where one has run out, at least the pair is.
    """
    start = crc32(name.encode())
    colours = {colour for colour, _ in taken}
    markers = {marker for _, marker in taken}
    pairs = [
        ((start + i) % len(COLOURS), (start // len(COLOURS) + i + j) % len(MARKERS))
        for j in range(len(MARKERS))
        for i in range(len(COLOURS))
    ]
    best = min(pairs, key=lambda pair: (pair in taken, pair[0] in colours, pair[1] in markers))
    return best, best != pairs[0]
