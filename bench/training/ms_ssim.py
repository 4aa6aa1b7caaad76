"""MS-SSIM with gradients, on the device that trains (Wang, Simoncelli, Bovik 2003).

The figures are those of pytorch-msssim, which the tests hold them to. Its own function can't be part of a
recorded step, as the gradient of its product over scales waits for the GPU. And that gradient is zero where
one scale has nothing in common: such pictures would never come nearer to each other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.codecs.ainn.layers import lower_bound
from bench.metrics.multiscale_ssim import SIGMA, WEIGHTS, WINDOW

C1, C2 = 0.01**2, 0.03**2
LEAST = 0.01  # of the similarity at a scale: a power of less has a gradient without bound


def ms_ssim(x_hat: Tensor, x: Tensor) -> Tensor:
    """MS-SSIM (N,) of pictures (N, 3, H, W) in [0, 1], the mean over colours; sides of `MIN_SIDE` or more.

    >>> x = torch.rand(1, 3, 192, 192)
    >>> ms_ssim(x, x).item()
    1.0
    """
    x_hat, x = x_hat.float(), x.float()
    log = torch.zeros_like(x[:, :, 0, 0])  # N, 3
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            odd = [side % 2 for side in x.shape[2:]]
            x_hat, x = (F.avg_pool2d(picture, 2, padding=odd) for picture in (x_hat, x))
        similarity = _similarity(x_hat, x, with_luminance=scale == len(WEIGHTS) - 1)
        log = log + weight * lower_bound(similarity, LEAST).log()
    return log.exp().mean(1)


def _similarity(x: Tensor, y: Tensor, with_luminance: bool) -> Tensor:
    """(N, 3): the mean of contrast and structure over one scale, or of all three with luminance."""
    mean_x, mean_y, square_x, square_y, product = _blurred(
        torch.cat((x, y, x * x, y * y, x * y), dim=1)
    ).chunk(5, dim=1)
    means, squared_means = mean_x * mean_y, mean_x.square() + mean_y.square()
    values = (2 * (product - means) + C2) / (square_x + square_y - squared_means + C2)
    if with_luminance:
        values = values * (2 * means + C1) / (squared_means + C1)
    return values.mean((2, 3))


def _blurred(planes: Tensor) -> Tensor:
    """Planes (N, C, H, W) under the window, only where the window lies inside."""
    channels = planes.shape[1]
    steps = torch.arange(WINDOW, device=planes.device) - WINDOW // 2
    window = torch.softmax(-steps.square() / (2 * SIGMA**2), dim=0).expand(channels, 1, 1, -1)
    rows = F.conv2d(planes, window, groups=channels)
    return F.conv2d(rows, window.transpose(2, 3), groups=channels)
