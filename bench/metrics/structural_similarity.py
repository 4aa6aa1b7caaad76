"""Structural similarity (SSIM; Wang, Bovik, Sheikh, Simoncelli 2004), by scikit-image."""

from __future__ import annotations

from importlib.metadata import version

from bench.metrics.base import RGB, Metric, Score


class Ssim(Metric):
    """SSIM under a Gaussian window of 11 x 11 pixels, the mean over R, G and B: -1 to 1, which is equal."""

    name = "ssim"
    title = "SSIM (RGB)"
    library = "scikit-image; Gaussian window of 11 x 11, sigma 1.5"
    summary = "Structural similarity of luminance, contrast and structure at one scale."
    min_side = 11

    def version(self) -> str:
        return f"scikit-image {version('scikit-image')}"

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            if not self.takes(original):
                return None
            from skimage.metrics import structural_similarity

            return float(
                structural_similarity(
                    original, decoded, channel_axis=2, data_range=255,
                    gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                )
            )  # fmt: skip

        return score
