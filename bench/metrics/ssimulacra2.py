"""SSIMULACRA 2 (Sneyers, Cloudinary, 2022; version 2.1 of April 2023), written after its authors' program.

The program and its source (BSD licence) are at https://github.com/cloudinary/ssimulacra2. Two pictures are
compared in the colour space XYB at six scales by three maps of errors: a kind of SSIM, edges that are new
(ringing, blocks), and edges that are lost (blur). The score is a weighted sum of means and 4-norms of these
maps, bent to agree with what people said of pictures.

The scores are those of the program on a CPU that fuses multiplication and addition, to all the digits that it
prints. On other CPUs (SSE2) the program rounds otherwise: for good pictures its scores are then up to 1 point
lower.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair
from bench.metrics.recursive_gaussian import RecursiveGaussian
from bench.metrics.xyb import Planes, linear_light, xyb

MIN_SIDE = 8  # pixels; a scale of less is the last
SCALES = 6

_C2 = np.float32(0.0009)
_STRIP = 64  # rows that are compared at once: what the memory for a large picture depends on

_Floats = NDArray[np.float64]


def ssimulacra2(original: RGB, decoded: RGB) -> float | None:
    """SSIMULACRA 2 of a decoded picture.

    Args:
        original, decoded: uint8, height x width x 3, sRGB.

    Returns:
        100 for equal pictures, 90 where no difference is seen, 70 for high quality, 30 for low quality; there
        is no lower bound. None for a picture of less than 8 pixels in height or width.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> import numpy as np
    >>> grey = np.full((64, 64, 3), 128, np.uint8)
    >>> ssimulacra2(grey, grey)
    100.0
    """
    check_pair(original, decoded)
    if min(original.shape[:2]) < MIN_SIDE:
        return None
    norms = [_norms(x, y) for x, y in zip(_scales(original), _scales(decoded), strict=True)]
    by_channel = np.stack(norms, axis=1).ravel()
    # A small picture has fewer scales. Its norms then take the first of the weights, as in the original.
    error = 0.9562382616834844 * float(by_channel @ _WEIGHTS.ravel()[: by_channel.size])
    error = 2.326765642916932 * error - 0.020884521182843837 * error**2 + 6.248496625763138e-05 * error**3
    return 100 - 10 * error**0.6276336467831387 if error > 0 else 100.0


class Ssimulacra2(Metric):
    """SSIMULACRA 2, at most 100; see `ssimulacra2`."""

    name = "ssimulacra2"
    title = "SSIMULACRA 2"
    library = "numpy, as its authors' program, version 2.1"
    summary = (
        "Visible errors of compression: lost structure, new and lost edges at six scales in XYB colours."
    )
    min_side = MIN_SIDE

    def version(self) -> str:
        return "SSIMULACRA 2.1, numpy 1"

    def against(self, original: RGB) -> Score:
        return lambda decoded: ssimulacra2(original, decoded)


def _scales(picture: RGB) -> Iterator[Planes]:
    """The picture at half the size of the one before, each time."""
    scaled: Planes = linear_light()[picture.transpose(2, 0, 1)]
    yield scaled
    for _ in range(SCALES - 1):
        if min(scaled.shape[1:]) < MIN_SIDE:
            return
        scaled = _halved(scaled)
        yield scaled


def _halved(picture: Planes) -> Planes:
    """Means of 2 x 2 samples, where the last row or column counts twice if there is no other."""
    odd = [(0, side % 2) for side in picture.shape[1:]]
    picture = np.pad(picture, [(0, 0), *odd], mode="edge")
    above, below = picture[:, 0::2], picture[:, 1::2]
    sums: Planes = above[:, :, 0::2] + above[:, :, 1::2] + below[:, :, 0::2] + below[:, :, 1::2]
    return np.multiply(sums, np.float32(0.25))


def _norms(original: Planes, decoded: Planes) -> _Floats:
    """Norms of the maps of errors at one scale: channel (X, Y, B) x norm (1, 4) x map."""
    height, width = original.shape[1:]
    blur = RecursiveGaussian(5 * 3, width)
    sums = np.zeros((3, 2, 3))
    pending = np.empty((2, 3, 0, width), np.float32)  # rows that aren't blurred yet
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        x, y = xyb(original[:, rows]), xyb(decoded[:, rows])
        planes = np.concatenate([x, y, x * x, y * y, x * y])
        blurred = blur.push(planes, last=rows.stop >= height)
        pending = np.concatenate([pending, [x, y]], axis=2)
        ready, pending = np.split(pending, [blurred.shape[1]], axis=2)
        for number, errors in enumerate(_maps(*ready, *blurred.reshape(5, 3, -1, width))):
            squares = errors * errors
            sums[:, 0, number] += errors.sum(axis=(1, 2))
            sums[:, 1, number] += (squares * squares).sum(axis=(1, 2))
    means: _Floats = sums / (height * width)
    means[:, 1] **= 0.25
    return means


def _maps(
    x: Planes, y: Planes,
    mean_x: Planes, mean_y: Planes, square_x: Planes, square_y: Planes, product: Planes,
) -> Iterator[_Floats]:  # fmt: skip
    """The errors of each sample, of three kinds: structure, new edges, lost edges."""
    luminance = 1 - np.square(mean_x - mean_y)
    covariance = 2 * (product - mean_x * mean_y) + _C2
    variances = (square_x - mean_x * mean_x) + (square_y - mean_y * mean_y) + _C2
    similarity = luminance * covariance / variances
    yield np.maximum(1 - similarity.astype(np.float64), 0)
    edges_x, edges_y = ((1 + np.abs(p - m).astype(np.float64)) for p, m in ((x, mean_x), (y, mean_y)))
    change = edges_y / edges_x - 1
    yield np.maximum(change, 0)
    yield np.maximum(-change, 0)


# Of each channel (X, Y, B), scale, norm (1 and 4, a line each) and map: structure, new edges, lost edges.
_WEIGHTS = np.array([
    # X
    0.0, 0.0007376606707406586, 0.0,
    0.0, 0.0007793481682867309, 0.0,
    0.0, 0.0004371155730107379, 0.0,
    1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0.0, 0.0016406437456599754, 0.0,
    1.8422455520539298, 11.441172603757666, 0.0,
    0.0007989109436015163, 0.000176816438078653, 0.0,
    1.8787594979546387, 10.94906990605142, 0.0,
    0.0007289346991508072, 0.9677937080626833, 0.0,
    0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0.0, 0.0,
    0.0013648766163243398, 0.0, 0.0,
    # Y
    0.0, 0.0, 0.0,
    7.466890328078848, 0.0, 17.445833984131262,
    0.0006235601634041466, 0.0, 0.0,
    6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0.0, 0.0,
    19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0.0, 0.0,
    24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0.0, 0.0, 0.0,
    34.77906344483772, 44.835625328877896, 0.0,
    0.0, 0.0, 0.0,
    0.0, 0.0, 0.0,
    # B
    0.0, 0.0008680556573291698, 0.0,
    0.0, 0.0, 0.0,
    0.0, 0.0005313191874358747, 0.0,
    0.00016533814161379112, 0.0, 0.0,
    0.0, 0.0, 0.0,
    0.0004179171803251336, 0.0017290828234722833, 0.0,
    0.0020827005846636437, 0.0, 0.0,
    8.826982764996862, 23.19243343998926, 0.0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353,
    0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
    0.0, 0.0, 0.0,
    0.0005130064588990679, 0.0, 0.00010854057858411537,
])  # fmt: skip
