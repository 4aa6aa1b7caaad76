"""A Gaussian blur by recursion, rounded as in the program of SSIMULACRA 2's authors.

The filter is that of Charalampidis 2016, "Recursive implementation of the Gaussian filter using truncated
cosine functions"; numbers in comments are the paper's. In exact arithmetic the filter is a sum of nine
samples. But the program works in float32, where errors of rounding add up along each row and column. Where a
picture is flat, a score depends on such errors: by up to 2 points for a good picture of a clear sky. So each
step is rounded here as on a CPU that fuses multiplication and addition (AVX2, AVX-512, NEON), where the
horizontal pass goes by four samples at once. What comes out is the same on any CPU.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.float32 import Values, fused, rounded

SIGMA = 1.5  # pixels
DELAY = 4  # samples that must be known beyond one to blur it

_LANES = 4  # samples that the horizontal pass computes at once

_Single = NDArray[np.float32]


class RecursiveGaussian:
    """Blurs planes that come strip by strip, from top to bottom. Outside of a plane all is 0.

    >>> plane = np.zeros((1, 15, 15), np.float32)
    >>> plane[0, 7, 7] = 1
    >>> blur = RecursiveGaussian(number=1, width=15)
    >>> above, below = blur.push(plane[:, :10]), blur.push(plane[:, 10:], last=True)
    >>> above.shape, below.shape
    ((1, 6, 15), (1, 9, 15))
    >>> [round(float(value), 4) for value in below[0, 1, 6:9]]
    [0.0563, 0.07, 0.0563]
    """

    def __init__(self, number: int, width: int) -> None:
        self._size = number, width
        samples = number * width
        self._rows_above = np.zeros((2 * _filter().radius, samples), np.float32)  # blurred across
        self._previous = self._second = np.zeros((3, samples))
        self._to_skip = DELAY  # outputs before the first row

    def push(self, planes: _Single, last: bool = False) -> _Single:
        """Add rows, and get those that are complete, blurred: all but the last four, or all that are left.

        Args:
            planes: number x rows x width.
            last: whether these are the last rows.
        """
        number, width = self._size
        if last:
            planes = np.pad(planes, ((0, 0), (0, DELAY), (0, 0)))
        columns = np.ascontiguousarray(planes.transpose(2, 0, 1)).reshape(width, -1)
        across = _across(columns).reshape(width, number, -1)
        rows = self._down(np.ascontiguousarray(across.transpose(2, 1, 0)).reshape(-1, number * width))
        skipped = min(self._to_skip, len(rows))
        self._to_skip -= skipped
        return rows[skipped:].reshape(-1, number, width).transpose(1, 0, 2)

    def _down(self, rows: _Single) -> _Single:
        """As many outputs as there are rows, those of four rows before."""
        of_input, of_previous = _filter().of_input[:, None], _filter().of_previous[:, None]
        rows = np.concatenate([self._rows_above, rows])
        self._rows_above = rows[-len(self._rows_above) :]
        output = np.empty_like(rows[len(self._rows_above) :])
        for number, sums in enumerate(_inputs(rows)):
            before = fused(of_previous, self._previous, -self._second)
            self._second, self._previous = self._previous, fused(of_input, sums, before)
            output[number] = _total(self._previous)
        return output


@dataclass(frozen=True)
class _Filter:
    """What the output at n is made of, for each of three cosines.

    input is the sum of the samples at n - radius - 1 and n + radius - 1. Numbers are rounded to float32.
    """

    radius: int
    of_input: Values  # 3
    of_previous: Values  # 3: of the output at n - 1; that at n - 2 counts -1
    # Of four outputs at once, 3 x 4 x 1: of the first input, of the output before, of the one before that.
    lanes_of_input: Values
    lanes_of_previous: Values
    lanes_of_second: Values


@functools.cache
def _filter() -> _Filter:
    radius = round(3.2795 * SIGMA + 0.2546)  # (57)
    omega = np.array([1, 3, 5]) * np.pi / (2 * radius)
    sign = np.array([1, -1, 1])
    p = sign / np.tan(omega / 2)  # (37)
    r = sign * p**2 / np.sin(omega)  # (44)
    rho = np.exp(-(SIGMA**2) * omega**2 / 2) / radius  # (50)
    zeta = np.cross(p, r)
    zeta = zeta / zeta[2]  # (52)
    beta = np.linalg.solve([p, r, zeta], [1, radius**2 - SIGMA**2, zeta @ rho])  # (53)
    n = -beta * np.cos(omega * (radius + 1))  # (33)
    d = -2 * np.cos(omega)  # (33)
    # (35) for four outputs, each in terms of the inputs and of the two outputs before the first.
    previous = [-d, d**2 - 1, -(d**3) + 2 * d, d**4 - 3 * d**2 + 1]
    second = [-np.ones(3), d, 1 - d**2, d**3 - 2 * d]
    inputs = [n, -d * n, d**2 * n - n, -(d**3) * n + 2 * d * n]
    lanes = (rounded(np.array(numbers).T[:, :, None]) for numbers in (inputs, previous, second))
    return _Filter(radius, rounded(n), rounded(-d), *lanes)


def _across(columns: _Single) -> _Single:
    """Columns (width x samples), each sample blurred with those on the left and on the right."""
    make = _filter()
    inputs = _inputs(np.pad(columns, ((2 * make.radius, DELAY), (0, 0))))
    output = np.empty_like(columns)
    width = len(columns)
    of_input, of_previous = make.of_input[:, None], make.of_previous[:, None]
    previous = second = np.zeros((3, columns.shape[1]))
    number = -DELAY
    first = -(-(make.radius + 1) // _LANES) * _LANES  # from here on four at once, as long as all are inside
    while number < width:
        if first <= number < width - DELAY - _LANES + 1:
            four = _four(inputs[number + DELAY : number + DELAY + _LANES], previous, second)
            output[number : number + _LANES] = _total(four)
            second, previous = four[:, -2], four[:, -1]
            number += _LANES
            continue
        value = rounded(rounded(of_input * inputs[number + DELAY]) - second)
        second, previous = previous, fused(of_previous, previous, value)
        if number >= 0:
            output[number] = _total(previous)
        number += 1
    return output


def _four(inputs: Values, previous: Values, second: Values) -> Values:
    """The next four outputs: 3 x 4 x samples."""
    make = _filter()
    four = rounded(make.lanes_of_input * inputs[0])
    for lane in range(1, _LANES):
        four[:, lane:] = fused(make.lanes_of_input[:, :-lane], inputs[lane], four[:, lane:])
    four = fused(make.lanes_of_second, second[:, None], four)
    return fused(make.lanes_of_previous, previous[:, None], four)


def _inputs(lines: _Single) -> Values:
    """The sums of the two lines that an output is made of."""
    apart = 2 * _filter().radius
    return (lines[:-apart] + lines[apart:]).astype(np.float64)


def _total(cosines: Values) -> _Single:
    first, second, third = cosines.astype(np.float32)
    total: _Single = first + (second + third)
    return total
