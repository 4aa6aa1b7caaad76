"""Codecs as people write them: "A-INN", "VTM 23.13", "JPEG XL"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bench.compare.hulls import PREFIX as HULL
from bench.compare.published import PREFIX as PUBLISHED

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
    {'ainn': 'A-INN', 'vtm': 'VTM 23.13', 'bpg:bits=10': 'BPG, bits=10'}
    >>> display_names({"published:vtm": ""})
    {'published:vtm': 'VTM (published)'}
    """
    written = {name: _display_name(name, version) for name, version in versions.items()}
    times = Counter(written.values())
    return {name: text if times[text] == 1 else f"{text} [{name}]" for name, text in written.items()}


def _display_name(name: str, version: str) -> str:
    if name.startswith(HULL):
        return f"{_display_name(name.removeprefix(HULL), '')}, upper hull"
    bare, _, parameters = name.removeprefix(PUBLISHED).partition(":")
    text = _WRITTEN.get(bare, bare)
    settings = [setting for setting in parameters.split(",") if setting]
    if bare in ("vtm", "hm") and (number := _NUMBERED.match(version)):
        text = f"{text} {number[1]}"
        settings = [setting for setting in settings if not setting.startswith("version=")]
    text = ", ".join([text, *settings])
    return f"{text} (published)" if name.startswith(PUBLISHED) else text
