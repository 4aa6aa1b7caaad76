"""Interpolants in arrays against scipy's, one curve at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator, PPoly

from bench.compare.interpolation import Array, Cubics, akima, cubic, pchip

REFERENCE = {"pchip": (pchip, PchipInterpolator), "akima": (akima, Akima1DInterpolator)}


def curves(rng: np.random.Generator, rows: int, points: int) -> tuple[Array, Array]:
    """Rows of rising x; y rises, stands still or falls."""
    x = np.cumsum(10 ** rng.uniform(-3, 1, (rows, points)), axis=1)
    y = np.cumsum(rng.choice([-0.5, 0.0, 1.0, 1.0, 1.0], (rows, points)) * rng.random((rows, points)), axis=1)
    return x, y


def ranges(rng: np.random.Generator, x: Array) -> tuple[Array, Array]:
    """Starts and ends within the curves, some of them at the very ends."""
    span = x[:, -1] - x[:, 0]
    start, end = np.sort(rng.random((2, len(x))), axis=0)
    start, end = x[:, 0] + start * span, x[:, 0] + end * span
    start[::5], end[::7] = x[::5, 0], x[::7, -1]
    return start, end


@pytest.mark.parametrize(
    ("kind", "points"), [("pchip", 2), *((kind, n) for kind in REFERENCE for n in (3, 4, 5, 11))]
)
def test_values_and_integrals_are_scipys(kind: str, points: int) -> None:
    ours, theirs = REFERENCE[kind]
    rng = np.random.default_rng(points)
    x, y = curves(rng, 200, points)
    spline = ours(x, y)
    start, end = ranges(rng, x)
    places = np.linspace(x[:, 0], x[:, -1], 40, axis=1)
    places[:, 1 : 1 + points] = x  # the knots too
    integrals, values = spline.integral(start, end), spline.values(places)
    for row in range(len(x)):
        reference = theirs(x[row], y[row])
        scale = np.abs(y[row]).max() + 1
        np.testing.assert_allclose(values[row], reference(places[row]), rtol=0, atol=1e-10 * scale)
        expected = reference.integrate(start[row], end[row])
        assert integrals[row] == pytest.approx(float(expected), abs=1e-10 * scale * (x[row, -1] - x[row, 0]))


@pytest.mark.parametrize("points", [4, 5, 11])
def test_the_cubic_fit_is_numpys(points: int) -> None:
    rng = np.random.default_rng(points)
    x = np.sort(rng.random((200, points)), axis=1)
    y = np.cumsum(rng.random((200, points)), axis=1)
    spline, determined = cubic(x, y)
    start, end = ranges(rng, x)
    integrals, values = spline.integral(start, end), spline.values(x)
    for row in range(len(x)):
        coefficients = np.polyfit(x[row], y[row], 3)
        reference = PPoly(coefficients[:, None], [0.0, 1.0])
        size = np.abs(coefficients).max()
        assert determined[row]
        np.testing.assert_allclose(values[row], reference(x[row]), rtol=0, atol=1e-10 * size)
        assert integrals[row] == pytest.approx(
            float(reference.integrate(start[row], end[row])), abs=1e-10 * size
        )


def test_a_cubic_through_points_that_coincide_is_not_determined() -> None:
    x = np.array([[0.0, 0.3, 0.6, 1.0], [0.0, 0.3, 0.3, 1.0]])
    spline, determined = cubic(x, x)
    assert determined.tolist() == [True, False]
    assert np.isfinite(spline.coefficients).all()


@pytest.mark.parametrize("kind", REFERENCE)
def test_turns_are_where_the_slope_is_zero(kind: str) -> None:
    rng = np.random.default_rng(3)
    x, y = curves(rng, 100, 7)
    spline = REFERENCE[kind][0](x, y)
    turns = spline.turns()
    checked = 0
    for row in range(len(x)):
        reference = REFERENCE[kind][1](x[row], y[row]).derivative()
        roots = reference.roots(discontinuity=False, extrapolate=False)
        for root in roots[np.isfinite(roots)]:
            assert np.abs(turns[row] - root).min() <= 1e-6 * (x[row, -1] - x[row, 0])
            checked += 1
    assert checked > 20


def test_one_piece_without_curvature_has_no_turn_but_its_left_end() -> None:
    straight = Cubics(np.array([[1.0, 2.0]]), np.array([[[0.0]], [[1.0]], [[0.0]], [[0.0]]]))
    assert straight.turns().tolist() == [[1.0, 1.0]]
    assert straight.values(np.array([[1.5]])).tolist() == [[0.5]]
