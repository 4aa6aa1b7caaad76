"""Metrics by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from bench.core.plugins import Registry
from bench.metrics.base import Metric

REGISTRY: Registry[Metric] = Registry(
    "metric",
    "codec_bench.metrics",
    {
        "psnr": "bench.metrics.psnr:Psnr",
        "psnr_y": "bench.metrics.psnr:PsnrY",
        "ms_ssim": "bench.metrics.msssim:MsSsim",
        "ssimulacra2": "bench.metrics.ssimulacra2:Ssimulacra2",
        "vif": "bench.metrics.vif:Vif",
        "vmaf": "bench.metrics.vmaf:Vmaf",
    },
    Metric,  # type: ignore[type-abstract]
)


def names() -> list[str]:
    """Names of all metrics, ours and those of other packages."""
    return REGISTRY.names()


@cache
def get(name: str) -> Metric:
    """A metric, to ask for its title and its scale, also where it can't score for want of a package.

    Raises:
        BenchError: no such metric.
    """
    return REGISTRY.get_class(name)()


def ready(name: str) -> Metric:
    """A metric, ready to score.

    Raises:
        BenchError: no such metric, or what it needs isn't installed.
    """
    return REGISTRY.get(name)


def check_ready(wanted: Iterable[str]) -> None:
    """Raises BenchError, as `ready` does, if one of these metrics can't score here."""
    for name in wanted:
        ready(name)


def describe() -> list[dict[str, object]]:
    """Every metric, for `bench list metrics`: plain types, one a line."""
    return [_line(name) for name in names()]


def _line(name: str) -> dict[str, object]:
    try:
        metric = REGISTRY.get_class(name)
        missing = metric.missing()
    except Exception as error:  # a broken plugin is listed as broken
        return {"name": name, "usable": False, "title": "", "unit": "", "by": "", "note": str(error)}
    return {
        "name": name,
        "usable": missing is None,
        "title": metric.title,
        "unit": metric.unit,
        "by": metric.library,
        "note": missing or "",
    }
