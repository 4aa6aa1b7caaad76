"""The size of a picture in an HEVC or VVC stream, read off its first sequence parameter set.

The reference decoders write planes without a header. Streams hold the size already: four more bytes
beside a stream would count against the codec.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bench.codecs.base import CodecError

_HEVC_SPS, _VVC_SPS = 33, 15  # nal_unit_type


def hevc_size(stream: bytes) -> tuple[int, int]:
    """Height and width of the pictures, in pixels (ITU-T H.265, 7.3.2.2).

    Raises:
        CodecError: the stream has no such parameter set, or ends within it.
    """
    bits = _Bits(_find(stream, _HEVC_SPS, lambda nal: nal[0] >> 1 & 63))
    bits.skip(4)  # sps_video_parameter_set_id
    sublayers = bits.take(3)  # sps_max_sub_layers_minus1
    bits.skip(1 + 88 + 8)  # nesting flag; general profile; general_level_idc
    present = [(bits.take(1), bits.take(1)) for _ in range(sublayers)]  # profile, level
    if sublayers:
        bits.skip(2 * (8 - sublayers))
    for profile, level in present:
        bits.skip(88 * profile + 8 * level)
    bits.golomb()  # sps_seq_parameter_set_id
    chroma = bits.golomb()
    if chroma == 3:
        bits.skip(1)  # separate_colour_plane_flag
    return _cropped(bits, chroma)


def vvc_size(stream: bytes) -> tuple[int, int]:
    """Height and width of the pictures, in pixels (ITU-T H.266, 7.3.2.4 and 7.3.3).

    Raises:
        CodecError: the stream has no such parameter set, or ends within it.
    """
    bits = _Bits(_find(stream, _VVC_SPS, lambda nal: nal[1] >> 3))
    bits.skip(4 + 4)  # ids of the parameter sets
    sublayers = bits.take(3)  # sps_max_sublayers_minus1
    chroma = bits.take(2)
    bits.skip(2)  # sps_log2_ctu_size_minus5
    if bits.take(1):  # sps_ptl_dpb_hrd_params_present_flag
        _skip_profile(bits, sublayers)
    bits.skip(1)  # sps_gdr_enabled_flag
    if bits.take(1):  # sps_ref_pic_resampling_enabled_flag
        bits.skip(1)
    return _cropped(bits, chroma)


def _skip_profile(bits: _Bits, sublayers: int) -> None:
    """profile_tier_level( 1, sublayers ) of VVC."""
    bits.skip(7 + 1 + 8 + 2)  # profile, tier, level; two flags
    if bits.take(1):  # gci_present_flag
        bits.skip(71)  # general constraints, none of them of changing length
        bits.skip(bits.take(8))  # gci_num_additional_bits
    bits.align()
    levels = [bits.take(1) for _ in range(sublayers)]
    bits.align()
    bits.skip(8 * sum(levels))
    bits.skip(32 * bits.take(8))  # ptl_num_sub_profiles


def _cropped(bits: _Bits, chroma: int) -> tuple[int, int]:
    """Size and conformance window, which counts in samples of chroma."""
    width, height = bits.golomb(), bits.golomb()
    if bits.take(1):
        across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        width -= across * (left + right)
        height -= down * (top + bottom)
    if min(width, height) < 1:
        raise CodecError("its parameter set holds no size that a picture can have")
    return height, width


def _find(stream: bytes, wanted: int, kind: Callable[[bytes], int]) -> bytes:
    """The payload of the first unit of that type in a byte stream (Annex B), without its two bytes
    of header and without the bytes that only keep start codes from coming about."""
    for start in re.finditer(rb"\x00\x00\x01", stream):
        nal = stream[start.end() : start.end() + 512]  # of which the size comes early
        if len(nal) > 2 and kind(nal) == wanted:
            payload = re.split(rb"\x00\x00[\x00\x01]", nal[2:])[0]
            return re.sub(rb"(\x00\x00)\x03", rb"\1", payload)
    raise CodecError("this is no whole stream: it has no sequence parameter set, which holds the size")


class _Bits:
    """Bits from the most significant on."""

    def __init__(self, content: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in content)
        self._at = 0

    def take(self, count: int) -> int:
        digits = self._text[self._at : self._at + count]
        self.skip(count)
        return int(digits or "0", 2)

    def skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._text):
            raise CodecError("this is no whole stream: its sequence parameter set is cut off")

    def align(self) -> None:
        self.skip(-self._at % 8)

    def golomb(self) -> int:
        """ue(v)"""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
