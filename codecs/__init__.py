"""Codecs. Three lines code a picture:

    from bench.codecs import get
    codec = get("jpeg")
    picture = codec.decode(codec.encode(image, quality=75))

Images are uint8, height x width x 3.
"""

from bench.codecs.base import Codec, CodecError
from bench.codecs.parameters import Parameter
from bench.codecs.registry import describe, get, get_class, name_of, names, resolve

__all__ = ["Codec", "CodecError", "Parameter", "describe", "get", "get_class", "name_of", "names", "resolve"]
