"""A start that is a working codec: the best linear transform of photos, written into the invertible blocks.

While coupling layers are still the identity, the chain of pixel unshuffles and invertible 1x1
convolutions is linear and can be made any orthonormal transform of 16x16 RGB blocks. Blocks 1 to 3
become Walsh-Hadamard transforms, and block 4 whatever completes the chain to the Karhunen-Loeve
transform of the training photos. The components are mixed within block 4 so that the average taken
by the channel squeeze is exactly the first M of them, and copying undoes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.ainn.config import TRANSFORM_CHANNELS
from bench.codecs.ainn.model import Ainn

BLOCK = 16
BLOCKS_PER_PHOTO = 150


def block_statistics(
    photos: Iterable[NDArray[np.uint8]], seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (768,) and covariance (768, 768) of 16x16 RGB blocks in [0, 1]: channel, row, column."""
    rng = np.random.default_rng(seed)
    count, total = 0, np.zeros(TRANSFORM_CHANNELS)
    products = np.zeros((TRANSFORM_CHANNELS, TRANSFORM_CHANNELS))
    for photo in photos:
        rows, columns = photo.shape[0] // BLOCK, photo.shape[1] // BLOCK
        tiles = photo[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3)
        blocks = tiles.transpose(0, 2, 4, 1, 3).reshape(-1, TRANSFORM_CHANNELS)
        blocks = blocks[rng.permutation(len(blocks))[:BLOCKS_PER_PHOTO]] / 255.0
        count += len(blocks)
        total += blocks.sum(0)
        products += blocks.T @ blocks
    mean = total / count
    return mean, products / count - np.outer(mean, mean)


@torch.no_grad()
def start_from_statistics(model: Ainn, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> None:
    """Make a fresh model the transform codec that these statistics of `block_statistics` ask for."""
    hadamard = torch.tensor(
        [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=torch.float64
    )
    for block in model.transform.blocks[:3]:
        channels = block.mix.weight.shape[0]
        mix = torch.kron(torch.eye(channels // 4, dtype=torch.float64), hadamard / 2)
        block.mix.weight.copy_(mix)

    variances, vectors = np.linalg.eigh(covariance)
    components = torch.from_numpy(vectors.T[::-1].copy())  # rows, largest variance first
    channels = model.config.latent_channels
    groups = TRANSFORM_CHANNELS // channels
    mixed = torch.einsum("hg,hcp->gcp", _dct(groups), components.view(groups, channels, -1))
    before = _chain_before_last_mix(model)  # what block 4 sees of each pixel of a 16x16 block
    model.transform.blocks[3].mix.weight.copy_(mixed.reshape(TRANSFORM_CHANNELS, -1) @ before)

    entropy, shrink = model.entropy, math.sqrt(groups)
    deviations = np.sqrt(np.maximum(variances[::-1][:channels], 1e-10)).copy() / shrink
    entropy.latent_std.copy_(torch.from_numpy(deviations))
    entropy.latent_mean.copy_(components[:channels] @ torch.from_numpy(mean) / shrink)
    entropy.start_gains(model.config)


def _dct(n: int) -> Tensor:
    """Orthonormal DCT-II; its first row is constant, the others sum to zero."""
    k, i = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    matrix = torch.cos(math.pi * k * (2 * i + 1) / (2 * n)).double() * math.sqrt(2 / n)
    matrix[0] = math.sqrt(1 / n)
    return matrix


def _chain_before_last_mix(model: Ainn) -> Tensor:
    """(pixel, channel): the orthonormal map from a block's 768 samples to what block 4's 1x1 is given."""
    x = torch.eye(TRANSFORM_CHANNELS, dtype=torch.float64).view(-1, 3, BLOCK, BLOCK)
    for block in model.transform.blocks[:3]:
        x = block.linear(x)
    return torch.nn.functional.pixel_unshuffle(x, 2).flatten(1)
