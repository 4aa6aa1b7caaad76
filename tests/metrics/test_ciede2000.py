"""CIEDE2000 against the published test data, and on pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scored import as_jpeg, score
from skimage.color import deltaE_ciede2000, rgb2lab
from tiny import photo

from bench import metrics

# Sharma, Wu, Dalal 2005, table 1: two colours in CIELAB, and their difference.
SHARMA = np.array(
    [
        [50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425],
        [50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615],
        [50, 2.8361, -74.02, 50, 0, -82.7485, 3.4412],
        [50, -1.3802, -84.2814, 50, 0, -82.7485, 1],
        [50, -1.1848, -84.8006, 50, 0, -82.7485, 1],
        [50, -0.9009, -85.5211, 50, 0, -82.7485, 1],
        [50, 0, 0, 50, -1, 2, 2.3669],
        [50, -1, 2, 50, 0, 0, 2.3669],
        [50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792],
        [50, 2.49, -0.001, 50, -2.49, 0.001, 7.1792],
        [50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195],
        [50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195],
        [50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045],
        [50, -0.001, 2.49, 50, 0.001, -2.49, 4.8045],
        [50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461],
        [50, 2.5, 0, 50, 0, -2.5, 4.3065],
        [50, 2.5, 0, 73, 25, -18, 27.1492],
        [50, 2.5, 0, 61, -5, 29, 22.8977],
        [50, 2.5, 0, 56, -27, -3, 31.9030],
        [50, 2.5, 0, 58, 24, 15, 19.4535],
        [50, 2.5, 0, 50, 3.1736, 0.5854, 1],
        [50, 2.5, 0, 50, 3.2972, 0, 1],
        [50, 2.5, 0, 50, 1.8634, 0.5757, 1],
        [50, 2.5, 0, 50, 3.2592, 0.335, 1],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_differences_are_the_published_ones() -> None:
    found = deltaE_ciede2000(SHARMA[:, :3], SHARMA[:, 3:6])
    # Four decimals are published. The tenth pair's hues are opposite: its mean hue may be either of two.
    assert found[9] == pytest.approx(7.1792, abs=5.1e-5) or found[9] == pytest.approx(7.2195, abs=5.1e-5)
    assert np.delete(found, 9) == pytest.approx(np.delete(SHARMA[:, 6], 9), abs=5.1e-5)


def test_colours_are_those_of_the_standard() -> None:
    """sRGB's primaries in CIELAB under D65, by the formulas of IEC 61966-2-1 and CIE 15."""
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    expected = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86], [100, 0, 0]]
    assert rgb2lab(primaries)[0] == pytest.approx(np.array(expected), abs=0.03)


def test_the_mean_is_over_all_pixels_whatever_differs() -> None:
    picture = photo(150, 70)
    decoded = as_jpeg(picture, 30)
    decoded[:20] = picture[:20]
    for name, k_l, k_h in (("ciede2000", 1.0, 1.0), ("ciede2000_db", 0.65, 4.0)):
        mean = deltaE_ciede2000(rgb2lab(picture), rgb2lab(decoded), kL=k_l, kH=k_h).mean()
        expected = mean if name == "ciede2000" else 45 - 20 * math.log10(mean)
        assert score(name, picture, decoded) == pytest.approx(expected, abs=1e-9)


def test_edges_and_direction() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert score("ciede2000", black, white) == pytest.approx(100, abs=1e-4)
    assert score("ciede2000", white, white) == 0 and score("ciede2000_db", white, white) == math.inf
    assert not metrics.get("ciede2000").higher_is_better and metrics.get("ciede2000_db").higher_is_better
    scale = metrics.get("ciede2000_db")
    assert scale.mean_in_db([45, 25], "db-of-mean") == pytest.approx(45 - 20 * math.log10(5.5))
    assert scale.mean_in_db([math.inf, math.inf], "db-of-mean") == math.inf
