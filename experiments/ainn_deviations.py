"""What A-INN would save if a channel's deviations adapted while decoding: ideal code lengths.

    python experiments/ainn_deviations.py path/to/photos

Each photo (its middle 512x512 pixels) is coded. Then the tables of its symbols are chosen anew: where a
channel's symbols came out larger than their tables foretold so far, later ones take wider tables. Printed
are savings in percent of the bitstream, without a picture's own statistics, with those of its past, and with
those of all of it, which no decoder knows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from middles import middle
from numpy.typing import NDArray

from bench.codecs.ainn.codec import AinnCodec, _pad
from bench.codecs.ainn.latent_coder import ChosenSymbols, LatentCoder

SIDE = 512
QUALITIES = (1, 2, 3, 5, 8)
PRIOR = 10.0  # symbols' worth of trust in the tables
LARGEST = 20  # magnitude that counts


def main(folder: Path) -> None:
    codec = AinnCodec()
    coder, model = codec._coder, codec._model
    sizes = expected_magnitudes(coder)
    print("quality", "past (%)", "oracle (%)", "z (%)", "coder's loss (%)", sep="\t")
    for quality in QUALITIES:
        rows = []
        for path in sorted(folder.iterdir()):
            image = middle(path, SIDE)
            with torch.inference_mode():
                y = model.encode(_pad(image))
                z = coder.analyse(y)
                level = quality - 1.0
                target = model.entropy.normalise(y.float())
                chosen = coder.choose(target, coder.hyper_features(z, level), level)
                coded = coder.write(z, chosen)
            total = 8 * len(coded.payload)
            of_y = float(chosen.bits.sum())
            past = bits_by_ratio(coder, chosen, sizes, ratios_of_the_past(chosen, sizes))
            oracle = bits_by_ratio(coder, chosen, sizes, ratios_of_all(chosen, sizes))
            z_bits = coded.estimated_bits - of_y
            rows.append([of_y - past, of_y - oracle, z_bits, total - coded.estimated_bits])
            rows[-1] = [100 * value / total for value in rows[-1]]
        print(quality, *(f"{value:.2f}" for value in np.mean(rows, 0)), sep="\t", flush=True)


def expected_magnitudes(coder: LatentCoder) -> NDArray[np.float64]:
    """The mean magnitude of a symbol by each table."""
    tables = range(len(coder._first_symbols))
    means = []
    for table in tables:
        reach = -int(coder._first_symbols[table])
        widths = 2.0 ** -coder._bits[table, : 2 * reach + 1].numpy()
        means.append((widths * np.abs(np.arange(-reach, reach + 1))).sum() / widths.sum())
    return np.array(means)


def ratios_of_the_past(chosen: ChosenSymbols, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each symbol's channel (H * W, M): magnitudes so far over those that tables foretold."""
    real, foretold = magnitudes(chosen), sizes[chosen.tables.numpy()]
    ratios, seen, expected = np.empty_like(real), np.zeros(real.shape[1]), np.zeros(real.shape[1])
    for front in chosen.order.fronts:
        ratios[front] = (seen + PRIOR) / (expected + PRIOR)
        seen, expected = seen + real[front].sum(0), expected + foretold[front].sum(0)
    return ratios


def ratios_of_all(chosen: ChosenSymbols, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same by the channel's symbols of the whole picture (1, M)."""
    foretold = sizes[chosen.tables.numpy()].sum(0)
    return ((magnitudes(chosen).sum(0) + 1) / (foretold + 1))[None]


def magnitudes(chosen: ChosenSymbols) -> NDArray[np.float64]:
    return np.minimum(np.abs(chosen.symbols.numpy()), LARGEST)


def bits_by_ratio(
    coder: LatentCoder, chosen: ChosenSymbols, sizes: NDArray[np.float64], ratios: NDArray[np.float64]
) -> float:
    """Bits of the symbols by the tables whose mean magnitudes are so many times those foretold."""
    tables, logs = np.arange(len(sizes)), np.log(sizes)
    wanted = logs[chosen.tables.numpy()] + np.log(ratios)
    nearest = np.interp(wanted, logs, tables).round()
    return float(coder.bits_of(chosen.symbols, torch.from_numpy(nearest)).sum())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
