"""Metrics by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from bench.core.plugins import Registry
from bench.metrics import sets
from bench.metrics.base import RGB, Metric
from bench.metrics.pair import check_pair

REGISTRY: Registry[Metric] = Registry(
    "metric",
    "codec_bench.metrics",
    {
        "psnr": "bench.metrics.peak_signal_to_noise:Psnr",
        "psnr_y": "bench.metrics.peak_signal_to_noise:PsnrY",
        "psnr_cb": "bench.metrics.peak_signal_to_noise:PsnrCb",
        "psnr_cr": "bench.metrics.peak_signal_to_noise:PsnrCr",
        "psnr_ycbcr": "bench.metrics.peak_signal_to_noise:PsnrYCbCr",
        "psnr_hvs": "bench.metrics.psnr_hvs:PsnrHvs",
        "psnr_hvs_m": "bench.metrics.psnr_hvs:PsnrHvsM",
        "xpsnr": "bench.metrics.xpsnr:Xpsnr",
        "ssim": "bench.metrics.structural_similarity:Ssim",
        "ms_ssim": "bench.metrics.multiscale_ssim:MsSsim",
        "iw_ssim": "bench.metrics.piq_metrics:IwSsim",
        "fsim": "bench.metrics.piq_metrics:Fsim",
        "gmsd": "bench.metrics.piq_metrics:Gmsd",
        "haarpsi": "bench.metrics.piq_metrics:HaarPsi",
        "nlpd": "bench.metrics.nlpd:Nlpd",
        "vif": "bench.metrics.piq_metrics:Vif",
        "vmaf": "bench.metrics.vmaf:Vmaf",
        "vmaf_neg": "bench.metrics.vmaf:VmafNeg",
        "ssimulacra2": "bench.metrics.ssimulacra2:Ssimulacra2",
        "ciede2000": "bench.metrics.ciede2000:Ciede2000",
        "ciede2000_db": "bench.metrics.ciede2000:Ciede2000Db",
        "cvvdp": "bench.metrics.colorvideovdp:ColorVideoVdp",
        "flip": "bench.metrics.flip:Flip",
        "lpips": "bench.metrics.lpips:Lpips",
        "lpips_vgg": "bench.metrics.lpips:LpipsVgg",
        "dists": "bench.metrics.dists:Dists",
    },
    Metric,  # type: ignore[type-abstract]
)


def names() -> list[str]:
    """Names of all metrics, ours and those of other packages."""
    return REGISTRY.names()


@cache
def get(name: str) -> Metric:
    """A metric, to ask for its title and its scale, also where a package that it scores with is missing.

    Raises:
        BenchError: no such metric.

    >>> get("ms_ssim").unit
    'dB'
    """
    return REGISTRY.get_class(name)()


def ready(name: str) -> Metric:
    """A metric, ready to score.

    Raises:
        BenchError: no such metric, or what it needs isn't installed.
    """
    return REGISTRY.get(name)


def score(name: str, original: RGB, decoded: RGB) -> float | None:
    """One decoded picture, scored by one metric.

    To score several pictures decoded from one original, `ready(name).against(original)` is faster.

    Args:
        name: of `names()`.
        original, decoded: uint8, height x width x 3.

    Returns:
        The score in the metric's own unit (`bench list metrics`); None where the metric isn't defined, as on
        pictures too small for it.

    Raises:
        BenchError: no such metric, what it needs isn't installed, or this is no pair of 8-bit pictures.

    >>> import numpy as np
    >>> grey = np.full((16, 16, 3), 128, np.uint8)
    >>> score("psnr", grey, grey)
    inf
    """
    check_pair(original, decoded)
    return ready(name).against(original)(decoded)


def check_ready(wanted: Iterable[str]) -> None:
    """Raises BenchError, as `ready` does, if one of these metrics can't score here."""
    for name in wanted:
        ready(name)


def describe() -> list[dict[str, object]]:
    """Every metric and set of metrics, for `bench list metrics`: a dict of plain types for each.

    Keys: name, usable (here), title, unit (of curves), better ("higher" or "lower"), min_side (pixels),
    device, by (what computes it), summary (what it measures, in a sentence), note (what is missing, if
    anything).
    """
    return [*map(_line, names()), *sets.describe()]


def _line(name: str) -> dict[str, object]:
    try:
        metric = REGISTRY.get_class(name)
        missing = metric.missing()
    except Exception as error:  # a broken plugin is listed as broken
        unknown = dict.fromkeys(("title", "unit", "better", "min_side", "device", "by", "summary"), "")
        return {"name": name, "usable": False, **unknown, "note": str(error)}
    return {
        "name": name,
        "usable": missing is None,
        "title": metric.title,
        "unit": metric.unit,
        "better": "higher" if metric.higher_is_better else "lower",
        "min_side": metric.min_side,
        "device": metric.device,
        "by": metric.library,
        "summary": metric.summary,
        "note": missing or "",
    }
