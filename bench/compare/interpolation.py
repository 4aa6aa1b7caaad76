"""Interpolants of many curves at once: pchip, Akima and the cubic fit, as arrays of polynomials.

A row is a curve; all curves of a call have as many points. Knots x rise strictly within a row. scipy has the
same interpolants one object a curve, which is slow for the thousands of an interval or a dataset.

Sources:
- F. N. Fritsch and J. Butland, "A method for constructing local monotone piecewise cubic interpolants", SIAM
  J. Sci. Stat. Comput. 5, 1984, with the ends of C. Moler, "Numerical Computing with MATLAB", ch. 3.6: what
  scipy's PchipInterpolator does.
- H. Akima, "A new method of interpolation and smooth curve fitting based on local procedures", J. ACM 17,
  1970: scipy's Akima1DInterpolator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Akima's slope is undefined where the neighbouring slopes agree to this share of the largest difference.
_SAME_SLOPE = 1e-9


@dataclass(frozen=True)
class Cubics:
    """Piecewise polynomials of degree 3, a row per curve.

    knots: (curves, pieces + 1), rising. coefficients: (4, curves, pieces), of the powers 0 to 3 of x less the
    knot at the piece's left. Beyond its knots a curve has no value: callers stay within.

    >>> line = pchip(np.array([[0.0, 1.0, 3.0]]), np.array([[0.0, 2.0, 6.0]]))
    >>> line.values(np.array([[0.5, 2.0]]))
    array([[1., 4.]])
    >>> line.integral(np.array([1.0]), np.array([3.0]))
    array([8.])
    """

    knots: Array
    coefficients: Array

    def values(self, at: Array) -> Array:
        """Values (curves, places) at places x of the same shape."""
        piece = (at[:, :, None] >= self.knots[:, None, 1:-1]).sum(axis=-1)
        t = at - np.take_along_axis(self.knots, piece, axis=1)
        c0, c1, c2, c3 = (np.take_along_axis(c, piece, axis=1) for c in self.coefficients)
        result: Array = c0 + t * (c1 + t * (c2 + t * c3))
        return result

    def integral(self, start: Array, end: Array) -> Array:
        """Exact integrals (curves,) from start to end, one of each per curve."""
        left, right = self.knots[:, :-1], self.knots[:, 1:]
        c0, c1, c2, c3 = self.coefficients

        def up_to(place: Array) -> Array:
            t = np.clip(place[:, None], left, right) - left
            result: Array = t * (c0 + t * (c1 / 2 + t * (c2 / 3 + t * (c3 / 4))))
            return result

        total: Array = (up_to(end) - up_to(start)).sum(axis=1)
        return total

    def turns(self) -> Array:
        """Places (curves, 2 * pieces) where the slope may change its sign within a piece; a piece without
        such a place gives its left knot."""
        left, right = self.knots[:, :-1], self.knots[:, 1:]
        _, c1, c2, c3 = self.coefficients
        with np.errstate(all="ignore"):  # no root: not finite, and replaced
            # Roots of c1 + 2 c2 t + 3 c3 t^2, in the form that cancels nothing.
            q = -(c2 + np.copysign(np.sqrt(c2 * c2 - 3 * c3 * c1), c2))
            roots = np.concatenate((q / (3 * c3), c1 / q), axis=1)
        roots = np.where(np.isfinite(roots), roots, 0.0)
        left, right = np.tile(left, 2), np.tile(right, 2)
        inside: Array = np.clip(left + roots, left, right)
        return inside


def pchip(x: Array, y: Array) -> Cubics:
    """Monotonic between points: no overshoot. Two points or more."""
    h, slope = _steps(x, y)
    d = np.empty_like(y)
    if x.shape[1] == 2:
        d[:] = slope
    else:
        before, after = slope[:, :-1], slope[:, 1:]
        w1, w2 = 2 * h[:, 1:] + h[:, :-1], h[:, 1:] + 2 * h[:, :-1]
        with np.errstate(all="ignore"):  # slopes of 0, replaced
            harmonic = 1 / ((w1 / before + w2 / after) / (w1 + w2))
        turning = (np.sign(before) != np.sign(after)) | (before == 0) | (after == 0)
        d[:, 1:-1] = np.where(turning, 0.0, harmonic)
        d[:, 0] = _end_slope(h[:, 0], h[:, 1], slope[:, 0], slope[:, 1])
        d[:, -1] = _end_slope(h[:, -1], h[:, -2], slope[:, -1], slope[:, -2])
    return _hermite(x, y, d, h, slope)


def akima(x: Array, y: Array) -> Cubics:
    """Local and smooth, may overshoot a little. Three points or more."""
    h, slope = _steps(x, y)
    first, last = 2 * slope[:, :1] - slope[:, 1:2], 2 * slope[:, -1:] - slope[:, -2:-1]
    m = np.hstack((2 * first - slope[:, :1], first, slope, last, 2 * last - slope[:, -1:]))
    change = np.abs(np.diff(m, axis=1))
    f1, f2 = change[:, 2:], change[:, :-2]
    total = f1 + f2
    with np.errstate(all="ignore"):  # where slopes agree, replaced
        d = m[:, 1:-2] + f2 / total * (m[:, 2:-1] - m[:, 1:-2])
    defined = total > _SAME_SLOPE * total.max(axis=1, keepdims=True)
    d = np.where(defined, d, 0.5 * (m[:, 3:] + m[:, :-3]))
    return _hermite(x, y, d, h, slope)


def cubic(x: Array, y: Array) -> tuple[Cubics, NDArray[np.bool_]]:
    """One polynomial of degree 3 per curve, by least squares where there are over four points.

    x: within 0..1, to which the polynomial is then confined. Also returns whether each curve's points are
    far enough apart for four coefficients (curves,).
    """
    powers = x[:, :, None] ** np.arange(4)
    scale = np.sqrt((powers * powers).sum(axis=1, keepdims=True))
    u, s, vt = np.linalg.svd(powers / scale, full_matrices=False)
    determined = s[:, -1] > x.shape[1] * np.finfo(float).eps * s[:, 0]
    with np.errstate(all="ignore"):
        projected = np.einsum("nki,nk->ni", u, y) / s
    fit = np.einsum("nij,ni->nj", vt, projected) / scale[:, 0]
    coefficients = np.where(determined[:, None], fit, 0.0).T[:, :, None]
    knots = np.tile([0.0, 1.0], (len(x), 1))
    return Cubics(knots, coefficients), determined


def _steps(x: Array, y: Array) -> tuple[Array, Array]:
    h = np.diff(x, axis=1)
    return h, np.diff(y, axis=1) / h


def _end_slope(h0: Array, h1: Array, m0: Array, m1: Array) -> Array:
    """Three-point estimate at an end, made to keep the shape."""
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    same = np.sign(d) == np.sign(m0)
    steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3 * np.abs(m0))
    result: Array = np.where(same, np.where(steep, 3 * m0, d), 0.0)
    return result


def _hermite(x: Array, y: Array, d: Array, h: Array, slope: Array) -> Cubics:
    """The cubics through points y of slopes d at x."""
    t = (d[:, :-1] + d[:, 1:] - 2 * slope) / h
    return Cubics(x, np.stack((y[:, :-1], d[:, :-1], (slope - d[:, :-1]) / h - t, t / h)))
