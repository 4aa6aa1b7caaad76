"""The decoded picture of a row: as it was kept, or decoded again from its kept bitstream."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from bench import codecs
from bench.codecs.base import RGB
from bench.core.errors import BenchError
from bench.process import Limits, Worker, WorkerError
from bench.results import Row
from bench.results.kept_pictures import Kept


class DecodedPictures:
    """Decoded pictures of rows; a decoder for each codec is started where it is needed.

    A picture is given only if it is the one that the row's figures are of, sample by sample.
    """

    def __init__(self, results: Path) -> None:
        self._kept = Kept(results)
        self._decoders: dict[str, Worker | str] = {}  # a text: why there is none

    def holds(self, row: Row) -> bool:
        """Whether there may be a picture of a row; cheap."""
        return self._kept.holds(row)

    def picture(self, row: Row) -> RGB | str:
        """The picture (uint8, height x width x 3), or why there is none."""
        if (kept := self._kept.picture(row)) is not None:
            content, shape = kept
            return np.frombuffer(content, np.uint8).reshape(shape)
        if (stream := self._kept.stream(row)) is None:
            return "neither its picture nor its bitstream was kept"
        decoder = self._decoder(row.codec)
        if isinstance(decoder, str):
            return decoder
        try:
            if not decoder.running:
                decoder.start()
            reply = decoder.ask("decode", stream, repeats=1)
        except WorkerError as error:
            return f"its bitstream isn't decoded here: {error}"
        if hashlib.sha256(reply.payload).hexdigest() != row.decoded_sha256:
            return "its bitstream decodes to another picture here than the one that was measured"
        return np.frombuffer(reply.payload, np.uint8).reshape(reply.header["shape"])

    def close(self) -> None:
        for decoder in self._decoders.values():
            if isinstance(decoder, Worker):
                decoder.close()

    def _decoder(self, codec: str) -> Worker | str:
        if codec not in self._decoders:
            try:
                codecs.get(codec)
                self._decoders[codec] = Worker("decode", codec, Limits(), threads=os.cpu_count() or 1)
            except BenchError as error:
                self._decoders[codec] = f"its bitstream can't be decoded here: {error}"
        return self._decoders[codec]
