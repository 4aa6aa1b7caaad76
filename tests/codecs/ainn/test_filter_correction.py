"""What a picture changes in the decoder's filter: it pays by real bytes, and travels whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import photo
from torch import Tensor

from bench.codecs import CodecError, get
from bench.codecs.ainn import container, side_information
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.filter_correction import LENGTHS, NOTHING, Correction
from bench.codecs.ainn.latent_coder import ChosenSymbols
from bench.codecs.ainn.picture_filter import FEATURES
from bench.codecs.base import RGB
from bench.core.errors import BenchError

LAMBDA = 0.08  # of the shipped weights' quality 8


@pytest.fixture(scope="module")
def shipped() -> AinnCodec:
    return AinnCodec(fit=1)


@pytest.fixture(scope="module")
def reddish() -> RGB:
    """A picture of few colours, whose best filter isn't that of all photos."""
    grey = photo(128, 96).mean(2, keepdims=True)
    return np.round(grey * [1.0, 0.6, 0.5]).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(shipped: AinnCodec, reddish: RGB) -> bytes:
    return shipped.encode(reddish, 8)


def real_cost(image: RGB, stream: bytes) -> float:
    """J by the bytes and the 8-bit picture alone, in bits."""
    decoded = AinnCodec().decode(stream).astype(float)
    return 8 * len(stream) + LAMBDA * float(np.square(decoded - image).mean()) * image[..., 0].size


def test_a_fitted_filter_lowers_rate_and_distortion_together_by_real_bytes(
    reddish: RGB, fitted: bytes
) -> None:
    assert container.unpack(fitted).corrected
    assert real_cost(reddish, fitted) < 0.99 * real_cost(reddish, get("ainn").encode(reddish, 8))


def test_it_adds_to_what_a_search_finds(reddish: RGB, fitted: bytes) -> None:
    alone, both = (get(name).encode(reddish, 8) for name in ("ainn:search=1", "ainn:search=1,fit=1"))
    assert container.unpack(both).corrected
    assert real_cost(reddish, both) < real_cost(reddish, alone)


def test_the_latent_is_that_of_no_correction(shipped: AinnCodec, reddish: RGB, fitted: bytes) -> None:
    """Only the filter differs: the decoder reads the very symbols that it would without."""
    plain, corrected = (container.unpack(stream) for stream in (get("ainn").encode(reddish, 8), fitted))
    one = shipped._coder.decode(plain.payload, (8, 8), 7)
    other = shipped._coder.decode(corrected.payload, (8, 8), 7, LENGTHS)
    assert one.symbols.equal(other.symbols) and one.y_hat.equal(other.y_hat)
    assert Correction.of_blocks(other.aside).values.any()


def test_where_no_correction_pays_the_stream_is_that_of_none(tiny_weights: Path) -> None:
    """These weights were exported without a filter, so there is nothing to correct."""
    image = photo(70, 64)
    plain = AinnCodec(tiny_weights).encode(image, 2)
    assert AinnCodec(tiny_weights, fit=1).encode(image, 2) == plain
    assert AinnCodec(tiny_weights, fit=1).decode(plain).shape == image.shape


def test_numbers_come_back_whatever_they_are(shipped: AinnCodec) -> None:
    rng = np.random.default_rng(0)
    largest = side_information.LARGEST
    for spread in (0, 1, 20, 1000):
        drawn = np.round(rng.normal(0, spread, (3, FEATURES))).clip(-largest, largest)
        correction = Correction(5, drawn.astype(np.int64))
        z, chosen = _latent(shipped)
        payload = shipped._coder.write(z, chosen, correction.blocks()).payload
        back = Correction.of_blocks(shipped._coder.decode(payload, (4, 4), 3, LENGTHS).aside)
        assert back.fineness == 5 and np.array_equal(back.values, correction.values)


@pytest.mark.parametrize(("block", "value"), [(0, 16), (0, -1), (3, 256), (21, -256)])
def test_numbers_out_of_range_are_refused(shipped: AinnCodec, block: int, value: int) -> None:
    blocks = NOTHING.blocks()
    blocks[block][0] = value
    with pytest.raises(CodecError, match="damaged; what it changes in the filter is out of range"):
        Correction.of_blocks(blocks)
    z, chosen = _latent(shipped)
    if abs(value) <= side_information.LARGEST:
        payload = shipped._coder.write(z, chosen, blocks).payload
        stream = container.Container(64, 64, 4, bytes.fromhex(shipped.weights_id[:8]), payload, False, True)
        with pytest.raises(CodecError, match="out of range"):
            shipped.decode(container.pack(stream))


def test_fit_is_told_in_name_and_version_and_is_for_whole_pictures() -> None:
    assert get("ainn:fit=1").name == "ainn:fit=1"
    assert get("ainn:fit=1").version() == get("ainn").version() + ", filter fitted"
    with pytest.raises(BenchError, match="fit or tile, not both"):
        get("ainn:fit=1,tile=128")
    giant = np.broadcast_to(np.zeros(3, np.uint8), (6000, 6000, 3))
    with pytest.raises(CodecError, match="ainn:fit=1 takes pictures of up to 33554432 pixels"):
        get("ainn:fit=1").encode(giant, 1)


def _latent(codec: AinnCodec) -> tuple[Tensor, ChosenSymbols]:
    """z and chosen symbols of a picture of 64x64, at level 3."""
    y = codec._analyse(photo(64, 64))
    coder, entropy = codec._coder, codec._model.entropy
    z = coder.analyse(y)
    return z, coder.choose(entropy.normalise(y.float()), coder.hyper_features(z, 3.0), 3.0)
