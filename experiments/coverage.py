"""How often 95 % intervals of BD-rates hold the truth, on simulated populations of pictures.

    python experiments/coverage.py

A population is pictures without end, each with its curves by two codecs. Samples of 3 to 100 pictures are
drawn from it, each gives an interval, and the truth is the BD-rate of the means over 400,000 pictures. Ten
thousand samples tell coverage to about 0.2 points. Beside the intervals of `bench.compare.intervals` stand
those of Student's t alone, and percentiles of a bootstrap of 1000 draws (500 samples: 1 point).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.compare.bd_arrays import bjontegaard_arrays
from bench.compare.comparison import compare
from bench.compare.image_curves import image_curves
from bench.compare.intervals import ends, student
from bench.results import COMMITTED

Array = NDArray[np.float64]

PICTURES = (3, 4, 5, 8, 12, 24, 50, 100)
SAMPLES, SAMPLES_OF_BOOTSTRAP, DRAWS = 10_000, 500, 1000
AT_ONCE = 500  # samples, which memory has room for
TRUTH = 400_000


class Curves(NamedTuple):
    """Of pictures by the tested codec and the anchor; the last axis is of qualities."""

    rates: Array
    qualities: Array  # dB
    anchor_rates: Array
    anchor_qualities: Array


Population = Callable[[np.random.Generator, tuple[int, ...]], Curves]


def alike(rng: np.random.Generator, shape: tuple[int, ...]) -> Curves:
    """Pictures about as hard as each other; what the codec gains on each is normal."""
    hardness, shift = rng.normal(0, 0.15, (*shape, 1)), rng.normal(0, 2, (*shape, 1))
    return _made(hardness, rng.normal(-0.1, 0.1, (*shape, 1)), shift)


def skewed(rng: np.random.Generator, shape: tuple[int, ...], spread: float = 0.5) -> Curves:
    """Rates are lognormal: hard pictures weigh many times as much as easy ones. They gain less, and some
    pictures lose much."""
    hardness = rng.standard_normal((*shape, 1))
    gain = -0.15 + 0.08 * hardness + 0.08 * (rng.exponential(1, (*shape, 1)) - 1)
    return _made(spread * hardness, gain, -1.5 * hardness)


def very_skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Curves:
    """The same with more of it: of 24 pictures, one may weigh as much as all others."""
    return skewed(rng, shape, 0.8)


class Fitted:
    """Pictures like Kodak's: log rates and dB are jointly normal, as committed results have them."""

    def __init__(self, tested: str, anchor: str) -> None:
        (comparison,) = compare([tested, anchor], "kodak", COMMITTED, intervals=False, metrics=["psnr"])
        images = sorted({cell.image for cell in comparison.curves[0].cells})
        codecs = [image_curves(curve, "psnr", images) for curve in comparison.curves]
        axes = [part for codec in codecs for part in (np.log(codec.rates), codec.qualities)]
        figures = np.hstack(axes)
        self._mean = figures.mean(axis=0)
        _, scale, directions = np.linalg.svd(figures - self._mean, full_matrices=False)
        self._load = scale[:, None] * directions / np.sqrt(len(images) - 1)
        self._ends = np.cumsum([part.shape[1] for part in axes])[:-1]

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Curves:
        figures = self._mean + rng.standard_normal((*shape, len(self._load))) @ self._load
        rates, qualities, anchor_rates, anchor_qualities = np.split(figures, self._ends, axis=-1)
        return Curves(np.exp(rates), qualities, np.exp(anchor_rates), anchor_qualities)


def _made(hardness: Array, gain: Array, shift: Array) -> Curves:
    """Six qualities, 4 dB and an octave apart. hardness, gain: of the log rate. shift: dB."""
    anchor_rates = 0.1 * 2.0 ** np.arange(6) * np.exp(hardness)
    qualities = 26 + 4.0 * np.arange(6) + shift
    return Curves(anchor_rates * np.exp(gain), qualities, anchor_rates, qualities)


def log_ratios(curves: Curves, weights: Array) -> Array:
    """Of the rates of mean curves (samples, draws), from curves (samples, pictures, qualities)."""
    means = [weights @ axis for axis in curves]
    flat = [mean.reshape(-1, mean.shape[-1]) for mean in means]
    rates = bjontegaard_arrays(flat[0], flat[1], flat[2], flat[3]).bd_rate
    return np.log1p(rates.reshape(means[0].shape[:-1]) / 100)


def truth_of(population: Population) -> float:
    rng = np.random.default_rng(0)
    sums = [axis.mean(axis=0) for axis in population(rng, (TRUTH,))]
    return float(log_ratios(Curves(*(axis[None, None] for axis in sums)), np.ones((1, 1)))[0, 0])


def skewness_of(population: Population) -> float:
    """Of what each of 4000 pictures adds to the log ratio."""
    curves = population(np.random.default_rng(1), (4000,))
    means = [axis.mean(axis=0) for axis in curves]
    nudged = [(mean + 1e-3 * (axis - mean))[:, None] for axis, mean in zip(curves, means, strict=True)]
    influence = log_ratios(Curves(*nudged), np.ones((1, 1)))[:, 0]
    deviation = influence - influence.mean()
    return float((deviation**3).mean() / (deviation**2).mean() ** 1.5)


def intervals(population: Population, pictures: int) -> dict[str, tuple[Array, Array]]:
    """Low and high ends by method, one of each per sample."""
    rng = np.random.default_rng(pictures)
    weights = np.vstack((np.full((1, pictures), 1 / pictures), (1 - np.eye(pictures)) / (pictures - 1)))
    chunks = []
    for _ in range(0, SAMPLES, AT_ONCE):
        curves = population(rng, (AT_ONCE, pictures))
        chunks.append(log_ratios(curves, weights))
    ratios = np.concatenate(chunks)
    ratios = ratios[np.isfinite(ratios).all(axis=1)]
    estimate, without = ratios[:, 0], ratios[:, 1:]
    error = np.sqrt((pictures - 1) / pictures * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(1))
    t = student(pictures - 1)
    lows, highs = [], []
    for sample in range(SAMPLES_OF_BOOTSTRAP):
        drawn = rng.multinomial(pictures, [1 / pictures] * pictures, DRAWS) / pictures
        ratios_drawn = log_ratios(Curves(*(axis[sample] for axis in curves)), drawn)
        low, high = np.nanpercentile(ratios_drawn, (2.5, 97.5))
        lows.append(low)
        highs.append(high)
    return {
        "bootstrap, percentiles": (np.array(lows), np.array(highs)),
        "jackknife, Student's t": (estimate - t * error, estimate + t * error),
        "bench compare": ends(estimate, without),
    }


def main() -> None:
    populations: dict[str, Population] = {
        "alike": alike,
        "as Kodak, ainn and webp": Fitted("ainn", "webp"),
        "as Kodak, jpegxl and jpeg": Fitted("jpegxl", "jpeg"),
        "skewed": skewed,
        "very skewed": very_skewed,
    }
    header = " | ".join(map(str, PICTURES))
    print(f"| pictures are (skewness) | intervals by | {header} |")
    print("| --- | --- |" + " ---: |" * len(PICTURES))
    lengths = []
    for name, population in populations.items():
        truth, skewness = truth_of(population), skewness_of(population)
        by_number = [intervals(population, number) for number in PICTURES]
        for method in by_number[0]:
            ranges = [found[method] for found in by_number]
            covered = [100 * float(((low <= truth) & (truth <= high)).mean()) for low, high in ranges]
            points = [100 * float(np.median(np.expm1(high) - np.expm1(low))) for low, high in ranges]
            label = f"{name} ({skewness:.1f})"
            print(f"| {label} | {method} | {' | '.join(f'{share:.1f}' for share in covered)} |", flush=True)
            lengths.append(f"| {label} | {method} | {' | '.join(f'{length:.1f}' for length in points)} |")
    print(f"\n| pictures are | median length of intervals by, points | {header} |")
    print("| --- | --- |" + " ---: |" * len(PICTURES))
    print("\n".join(lengths))


if __name__ == "__main__":
    main()
