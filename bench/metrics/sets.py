"""Sets of metrics that have one name: those by which a committee judges codecs.

`--metric jpeg-ai` stands for all metrics of the set, and a comparison then also has their mean BD-rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# JPEG AI Common Training and Test Conditions, WG1N100106 and later.
SETS: Mapping[str, tuple[str, ...]] = {
    "jpeg-ai": ("ms_ssim", "vmaf", "vif", "nlpd", "fsim", "iw_ssim", "psnr_hvs_m"),
}


def expand(names: Iterable[str]) -> list[str]:
    """Names of metrics, each once; that of a set is replaced by those of its metrics.

    >>> expand(["psnr", "jpeg-ai", "vmaf"])
    ['psnr', 'ms_ssim', 'vmaf', 'vif', 'nlpd', 'fsim', 'iw_ssim', 'psnr_hvs_m']
    """
    return list(dict.fromkeys(metric for name in names for metric in SETS.get(name, (name,))))


def describe() -> list[dict[str, object]]:
    """Every set, for `bench list metrics`; see `bench.metrics.registry.describe`."""
    return [
        {
            "name": name,
            "usable": True,
            "title": name,
            "unit": "",
            "better": "",
            "min_side": "",
            "device": "",
            "by": "",
            "summary": f"The set of {', '.join(metrics)}, and their mean BD-rate.",
            "note": "",
        }
        for name, metrics in SETS.items()
    ]
