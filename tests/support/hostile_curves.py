"""Rate-distortion curves as codecs have them, and as no codec should have them."""

from __future__ import annotations

import math
import random
import sys

Points = tuple[list[float], list[float]]  # rates and qualities

ODD = [
    0.0,
    -0.0,
    -1.0,
    5e-324,
    1e-308,
    1e-12,
    1.0,
    math.nextafter(1.0, 2.0),
    1e12,
    math.nextafter(1e12, math.inf),
    1e300,
    sys.float_info.max,
    -sys.float_info.max,
    math.inf,
    -math.inf,
    math.nan,
]


def random_curve(rng: random.Random, points: int) -> Points:
    """Concave with jitter, as a codec's curve is: about 6 dB per doubling, then less."""
    rate, quality, slope = [rng.uniform(0.04, 0.3)], [rng.uniform(24, 29)], rng.uniform(4, 7)
    for _ in range(points - 1):
        octaves = rng.uniform(0.3, 1.2)
        rate.append(rate[-1] * 2**octaves)
        quality.append(quality[-1] + slope * octaves)
        slope *= rng.uniform(0.85, 1.0)
    return rate, quality


def hostile(rng: random.Random, points: int | None = None) -> Points:
    """A curve like a codec's or with steps of any size, spoiled at times by odd values."""
    points = points or rng.choice([1, 3, 4, 4, 5, 8, 12])
    if rng.random() < 0.3:
        rate, quality = random_curve(rng, points)
    else:
        rate, quality = [10 ** rng.uniform(-3, 2)], [rng.uniform(-5, 50)]
        decades = rng.choice([(-1, 1), (-8, 1), (-17, 3), (-320, 12)])
        for _ in range(points - 1):
            rate.append(rate[-1] * (1 + 10 ** rng.uniform(*decades)))
            quality.append(quality[-1] + 10 ** rng.uniform(*decades))
    if rng.random() < 0.3:
        scale = 10 ** rng.uniform(-320, 10)
        quality = [(q - quality[0]) * scale for q in quality]
    for values in (rate, quality):
        while rng.random() < 0.1:
            values[rng.randrange(len(values))] = rng.choice(ODD)
    return rate, quality
