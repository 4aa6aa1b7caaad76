"""Codecs as people write them: "A-INN", "VTM 23.13", "JPEG XL"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bench.compare.hulls import PREFIX as HULL
from bench.compare.published import PREFIX as PUBLISHED
from bench.compare.published import facts

_WRITTEN = {
    "ainn": "A-INN",
    "av1": "AV1",
    "avif": "AVIF",
    "bpg": "BPG",
    "cjpeg": "JPEG (cjpeg)",
    "cwebp": "WebP (cwebp)",
    "heic": "HEIC",
    "hevc": "HEVC (x265)",
    "hm": "HM",
    "jpeg": "JPEG",
    "jpeg-mozjpeg": "MozJPEG",
    "jpeg2000": "JPEG 2000",
    "jpegli": "Jpegli",
    "jpegxl": "JPEG XL",
    "vtm": "VTM",
    "vvenc": "VVenC",
    "webp": "WebP",
}
# Reference software is quoted with the number of its version, which comes first in `codec_version`.
_NUMBERED = re.compile(r"(?:VTM|HM) (\d[\w.]*)")


def display_names(versions: Mapping[str, str]) -> dict[str, str]:
    """What to write for each codec; no two are written alike.

    Args:
        versions: `codec_version` by name, as `bench compare` takes the name; "" where it isn't known.

    >>> display_names({"ainn": "", "vtm": "VTM 23.13, encoder_intra_vtm.cfg", "bpg:bits=10": ""})
    {'ainn': 'A-INN', 'vtm': 'VTM 23.13', 'bpg:bits=10': 'BPG, 10 bits'}
    >>> display_names({"published:vtm": "", "published:cheng2020-attn": ""})
    {'published:vtm': 'VTM (published)', 'published:cheng2020-attn': 'Cheng 2020 (published)'}
    >>> list(display_names({"published:bmshj2018-factorized": "", "published:balle2018": ""}).values())
    ['Ballé 2018, factorized prior (published)', 'Ballé 2018, scale hyperprior (published)']
    """
    written = {name: _display_name(name, version) for name, version in versions.items()}
    written |= {name: _display_name(name, versions[name], clauses=2) for name in _shared(written)}
    return written | {name: f"{written[name]} [{name}]" for name in _shared(written)}


def _shared(written: Mapping[str, str]) -> list[str]:
    """Those that are written as another is."""
    times = Counter(written.values())
    return [name for name, text in written.items() if times[text] > 1]


def _display_name(name: str, version: str, clauses: int = 1) -> str:
    """How a codec is written; of the title of a published curve, the first clauses."""
    if name.startswith(HULL):
        return f"{_display_name(name.removeprefix(HULL), '')}, upper hull"
    published = name.startswith(PUBLISHED)
    bare, _, parameters = name.removeprefix(PUBLISHED).partition(":")
    text = _WRITTEN.get(bare) or (_short_title(bare, clauses) if published else bare)
    settings = [setting for setting in parameters.split(",") if setting]
    if bare in ("vtm", "hm") and (number := _NUMBERED.match(version)):
        text = f"{text} {number[1]}"
        settings = [setting for setting in settings if not setting.startswith("version=")]
    text = ", ".join([text, *map(_in_words, settings)])
    return f"{text} (published)" if published else text


def _in_words(setting: str) -> str:
    """A parameter as prose has it: "10 bits" for "bits=10"."""
    name, _, value = setting.partition("=")
    match name:
        case "bits":
            return f"{value} bits"
        case "chroma":
            return ":".join(value)
        case "encoder":
            return value
        case _:
            return f"{name} {value}" if value else name


def _short_title(bare: str, clauses: int) -> str:
    """Whose curve it is: the start of its title, "Cheng 2020"; its name if it isn't known."""
    title = str(facts(bare).get("title", bare))
    short = ",".join(re.split("[,;]", title)[:clauses])
    return (
        f"{short}, for MS-SSIM" if title.endswith(", for MS-SSIM") and "for MS-SSIM" not in short else short
    )
