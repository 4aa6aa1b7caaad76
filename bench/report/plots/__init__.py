"""Plots for papers: curves, BD-rates as bars, BD-rate over cost; a column or two wide, as PNG, PDF or SVG.

`files` writes them, `rate_distortion`, `bars` and `pareto` draw one kind each, `looks` says what a codec
looks like, `labels` where its name stands, `layout` leaves room around the axes.
"""

from bench.report.plots.files import FORMATS, figure, write_plots
from bench.report.plots.looks import Style, font_note, styles

__all__ = ["FORMATS", "Style", "figure", "font_note", "styles", "write_plots"]
