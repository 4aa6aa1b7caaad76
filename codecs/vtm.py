"""VVC by VTM, the reference software of the JVET: the anchor that papers compare with."""

from __future__ import annotations

from bench.codecs.locate import Suite
from bench.codecs.parameter_sets import vvc_size
from bench.codecs.reference_software import ReferenceSoftware


class Vtm(ReferenceSoftware):
    name = "vtm"
    summary = "VVC intra by VTM, 4:4:4, 10 bits; minutes a picture"
    suite = Suite(
        "vtm",
        ("EncoderAppStatic", "EncoderApp"),
        ("DecoderAppStatic", "DecoderApp"),
        "build VTM from https://vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM",
    )
    config = "encoder_intra_vtm.cfg"
    quality_range = (0, 63)
    slow = 160.0

    def size(self, stream: bytes) -> tuple[int, int]:
        return vvc_size(stream)
