"""Codecs. Two lines code a picture (uint8, height x width x 3):

>>> import numpy as np
>>> from bench.codecs import get
>>> image = np.zeros((64, 96, 3), np.uint8)
>>> codec = get("jpeg")
>>> codec.decode(codec.encode(image, quality=75)).shape
(64, 96, 3)
"""

from bench.codecs.base import Codec, CodecError, ModelSize, MultiplyAdds
from bench.codecs.parameters import Parameter
from bench.codecs.registry import complexity, counts, describe, get, get_class, name_of, names, resolve

__all__ = [
    "Codec", "CodecError", "ModelSize", "MultiplyAdds", "Parameter",
    "complexity", "counts", "describe", "get", "get_class", "name_of", "names", "resolve",
]  # fmt: skip
