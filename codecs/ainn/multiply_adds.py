"""What A-INN's networks compute for a picture. Every pixel costs the same, so one tile tells."""

from __future__ import annotations

import torch

from bench.codecs.ainn.model import SIDE_MULTIPLE, Ainn
from bench.codecs.base import MultiplyAdds
from bench.codecs.counting import count


def of_tile(model: Ainn) -> MultiplyAdds:
    """Multiply-adds for SIDE_MULTIPLE x SIDE_MULTIPLE pixels, the filter of decoded pictures included.

    The model may be on torch's device "meta", where nothing is computed.
    """
    entropy, config = model.entropy, model.config
    device = entropy.log_gain.device
    x = torch.zeros(1, 3, SIDE_MULTIPLE, SIDE_MULTIPLE, device=device)
    y = torch.zeros(1, config.latent_channels, SIDE_MULTIPLE // 16, SIDE_MULTIPLE // 16, device=device)
    z = torch.zeros(1, config.hyper_channels, 1, 1, device=device)
    features = torch.zeros(1, 2 * config.context_channels + 1, *y.shape[2:], device=device)
    analysis = count(lambda: entropy.hyper_analysis(model.encode(x)))
    # Of the 5x5 window, decoding applies only the weights that there are.
    context = entropy.context.weight.numel() * y.shape[2] * y.shape[3]
    # Both sides predict y: the encoder codes by the same distributions that the decoder reads by.
    prediction = context + count(lambda: (entropy.hyper_synthesis(z), entropy.groups(features, y)))
    synthesis = count(lambda: model.picture_filter(model.decode(y), 0.0))
    return MultiplyAdds(analysis + prediction, prediction + synthesis)
