"""What coding photos costs, and how far off they come out: the figures of the log."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.training.learner import Coded, Learner

FIGURES = ("loss", "bpp", "psnr", "ms_ssim")  # of a picture
_AT_ONCE = 8  # pictures


def figures_of(coded: Coded, losses: Tensor) -> Tensor:
    """(N, 4): `FIGURES` of N pictures; NaN where there is no MS-SSIM."""
    similar = torch.full_like(losses, math.nan) if coded.ms_ssim is None else coded.ms_ssim
    return torch.stack((losses, coded.bpp, -10 * torch.log10(coded.mse), similar), dim=1).detach()


@torch.no_grad()
def code_photos(learner: Learner, photos: Tensor, device: torch.device) -> Tensor:
    """(L, N, 4): `FIGURES` of photos (N, 3, H, W), uint8, coded at each of the learner's lambdas."""
    rows = []
    for level, lambda_ in enumerate(torch.tensor(learner.lambdas, device=device)):
        for crops in photos.split(_AT_ONCE):
            x = crops.to(device).float() / 255
            coded = learner.coded(x, torch.full((len(x),), float(level), device=device))
            rows.append(figures_of(coded, learner.loss(coded, lambda_)))
    return torch.cat(rows).view(len(learner.lambdas), len(photos), len(FIGURES))
