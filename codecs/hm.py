"""HEVC by HM, the reference software of the JCT-VC, with its range extensions: 4:4:4."""

from __future__ import annotations

from bench.codecs.locate import Suite
from bench.codecs.parameter_sets import hevc_size
from bench.codecs.reference_software import ReferenceSoftware


class Hm(ReferenceSoftware):
    name = "hm"
    summary = "HEVC intra (range extensions) by HM, 4:4:4, 10 bits"
    suite = Suite(
        "hm",
        ("TAppEncoderStatic", "TAppEncoder"),
        ("TAppDecoderStatic", "TAppDecoder"),
        "build HM from https://vcgit.hhi.fraunhofer.de/jvet/HM",
    )
    config = "encoder_intra_main_rext.cfg"
    # Its configuration codes at 8 bits, and puts a checksum of 18 bytes and more into each stream.
    options = ("--InternalBitDepth=10", "--SEIDecodedPictureHash=0")

    def size(self, stream: bytes) -> tuple[int, int]:
        return hevc_size(stream)
