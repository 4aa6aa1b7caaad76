"""What a comparison warns of and notes: sentences for the reader, without a full stop.

A warning says what may make a figure mislead; a note says what was taken, and what was left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bench.compare.curves import Curve, MeasuredCell, weights_of
from bench.compare.deltas import Delta, metrics_of
from bench.compare.fixed import crossings, fall
from bench.compare.hulls import PREFIX as HULL
from bench.compare.part import Range, words_for
from bench.compare.savings import Saving, lossless_cells
from bench.compare.sources import Source
from bench.core.words import first_few
from bench.metrics import BY_PIXELS
from bench.metrics import get as get_metric

Whole = tuple[set[str], set[float]]  # images, and the qualities that all of them have

_LOW_OVERLAP = 0.75  # share of the qualities below which a delta is warned of


def warnings(sources: Sequence[Source], curves: Sequence[Curve], deltas: Sequence[Delta]) -> list[str]:
    """What may make the deltas mislead: failed cells, falling or crossing curves, small overlaps.

    Args:
        curves: those of the sources over the images compared, the anchor last.
    """
    sentences = [sentence for source in sources for sentence in _failures(source)]
    by_codec = {curve.codec: curve for curve in curves}
    for metric in dict.fromkeys(delta.metric for delta in deltas):
        for curve in curves:
            sentences += [*_fall(curve, metric), *_lossless(curve, metric), *_not_drawn(curve, metric)]
        for delta in deltas:
            if delta.metric == metric:
                sentences += _doubts(by_codec[delta.codec], curves[-1], delta)
    return sentences


def notes(sources: Sequence[Source], dataset: str, images: int) -> list[str]:
    """Where the curves come from, and in what they aren't alike.

    Args:
        images: number of images that the comparison is over.
    """
    return [
        *(
            f"results of {source.curve.codec} are the committed ones"
            for source in sources
            if source.committed
        ),
        *_subsampled(sources),
        *_mixed_versions(sources),
        *_unweighted(sources),
        *_unlike_means(sources),
        *(note for source in sources for note in _means_only(source, sources, dataset, images)),
    ]


def on_ranges(metrics: Iterable[str], ranges: Sequence[Range]) -> list[str]:
    """Which part of the curves the deltas by each metric are about."""
    words = {metric: words_for(metric, ranges) for metric in metrics}
    return [f"deltas by {get_metric(name).title} are about {text}" for name, text in words.items() if text]


def on_hulls(curves: Sequence[Curve], metrics: Iterable[str]) -> list[str]:
    """Of what upper hulls are made, by each metric."""
    sentences = []
    for curve in curves:
        for metric in metrics if curve.members else ():
            points = curve.by(metric).points
            if not points:
                continue
            counts = Counter(curve.members[point.quality][0] for point in points)
            made_of = ", ".join(f"{count} of {codec}" for codec, count in counts.items())
            sentences.append(
                f"{curve.codec} by {get_metric(metric).title} is an upper convex hull of {len(points)} of "
                f"{len(curve.members)} points: {made_of}"
            )
    return sentences


def on_savings(savings: Sequence[Saving]) -> list[str]:
    """What lossless codecs save of the anchor's bytes."""
    return [
        f"{saving.codec} and {savings[-1].codec} are lossless: the former takes {_more(-saving.saving)} bytes"
        for saving in savings
        if saving.saving is not None
    ]


def on_single_points(deltas: Sequence[Delta], anchor: str) -> list[str]:
    """What can be said of a curve of too few points for a delta."""
    sentences = []
    for delta in deltas:
        scale = get_metric(delta.metric)
        for gap in delta.points:
            rate = gain = "it lies beyond the other curve"
            if gap.rate is not None:
                rate = f"{delta.codec} needs {_more(gap.rate)} bits"
            if gap.gain is not None:
                amount = f"{abs(gap.gain):.3g} {scale.unit}".strip()
                gain = f"{delta.codec} is {amount} {'better' if gap.gain >= 0 else 'worse'}"
            value = f"{gap.value:.4g} {scale.unit}".strip()
            sentences.append(
                f"{delta.codec} against {anchor} at a single point, that of {gap.codec} at quality "
                f"{gap.quality:g}: at {value} of {scale.title} {rate}; at {gap.bpp:.4g} bpp {gain}"
            )
    return sentences


def _more(percent: float) -> str:
    return f"{abs(percent):.2f} % {'more' if percent >= 0 else 'fewer'}"


def left_out(curves: Sequence[Curve], whole: Mapping[str, Whole], shared: set[str]) -> list[str]:
    """Which qualities and images a comparison doesn't use, and why.

    Args:
        curves: all that was measured of each codec that has single images.
        whole: by codec, the images that were measured at all of its qualities, and these qualities.
        shared: images that all codecs have so; the comparison is over them.
    """
    sentences = []
    for curve in curves:
        if dropped := sorted({cell.quality for cell in curve.cells} - whole[curve.codec][1]):
            few = ", ".join(f"{quality:g}" for quality in dropped)
            sentences.append(f"{curve.codec}: qualities measured on few images are left out ({few})")
    names: dict[str, str] = {cell.image: cell.name for curve in curves for cell in curve.cells}
    for image in shared:
        names.pop(image, None)
    by_reason: dict[str, list[str]] = {}
    for image, name in sorted(names.items(), key=lambda item: item[1]):
        lacks = [lack for curve in curves if (lack := _lack(curve, whole[curve.codec], image))]
        by_reason.setdefault(" and ".join(lacks), []).append(name)
    for reason, images in by_reason.items():
        verb = "is" if len(images) == 1 else "are"
        sentences.append(f"{first_few(images)} {verb} left out: {reason}")
    return sentences


def on_times(source: Source, timed: int, cells: int) -> str:
    """What to know of a codec's times, of which `timed` of its `cells` have any; empty if nothing."""
    if not source.rows:
        return "not measured here"
    if not timed:
        return "not measured alone"
    if timed < cells:
        return f"times of the {timed} of {cells} cells that were measured alone"
    return ""


def _lack(curve: Curve, whole: Whole, image: str) -> str:
    """What a codec lacks of an image, as a clause; empty if nothing."""
    images, qualities = whole
    if image in images:
        return ""
    measured = {cell.quality for cell in curve.cells_of(image)}
    if not measured & qualities:
        return f"{curve.codec} has no figures there"
    missing = ", ".join(f"{quality:g}" for quality in sorted(qualities - measured))
    return f"{curve.codec} lacks quality {missing}"


def _lossless(curve: Curve, metric: str) -> list[str]:
    """Points that a curve loses as the mean is infinite: one lossless image is enough for that."""
    title = get_metric(metric).title
    sentences = []
    for point in curve.points:
        if not math.isinf(point.db.get(metric, 0.0)):
            continue
        cells = [cell for cell in curve.cells if cell.quality == point.quality]
        names = [cell.name for cell in cells if _is_infinite(cell, metric)]
        if names and len(names) < len(cells):
            sentences.append(
                f"{curve.codec} at quality {point.quality:g}: {first_few(names)} came back without loss, so "
                f"the mean {title} is infinite and the point is left out; "
                "--average db-of-mean takes the mean of the errors instead"
            )
    return sentences


def _not_drawn(curve: Curve, metric: str) -> list[str]:
    if curve.usable_points(metric) or metric not in metrics_of(curve) or lossless_cells(curve):
        return []
    return [f"{curve.codec} isn't in the plot of {get_metric(metric).title}: no point of it is finite"]


def _is_infinite(cell: MeasuredCell, metric: str) -> bool:
    value = cell.values.get(metric)
    return value is not None and math.isinf(get_metric(metric).in_db(value))


def _failures(source: Source) -> list[str]:
    if source.parts:
        return [sentence for part in source.parts for sentence in _failures(part)]
    if not source.contents or not source.contents.failures:
        return []
    failures = list(source.contents.failures.values())
    first = failures[0]
    cells = "1 cell" if len(failures) == 1 else f"{len(failures)} cells"
    return [
        f"{cells} of {source.curve.codec} failed, first: {first.image} at {first.quality:g}: {first.reason}"
    ]


def _fall(curve: Curve, metric: str) -> list[str]:
    """Where quality first falls or stands still."""
    rates = fall(curve, metric)
    if rates is None:
        return []
    scale = get_metric(metric)
    verb = "rise" if scale.higher_is_better else "fall"
    return [
        f"{curve.codec} isn't monotonic: its {scale.title} doesn't {verb} "
        f"from {rates[0]:.4g} to {rates[1]:.4g} bpp; its upper hull is {HULL}{curve.codec}"
    ]


def _doubts(tested: Curve, anchor: Curve, delta: Delta) -> list[str]:
    """What a delta doesn't tell of the two curves."""
    scale = get_metric(delta.metric)
    sentences = []
    if delta.bd.reason is None and delta.bd.overlap < _LOW_OVERLAP:
        sentences.append(
            f"{tested.codec} and {anchor.codec} share only {100 * delta.bd.overlap:.0f} % of their "
            f"{scale.title}: the delta is about that part"
        )
    for crossing in crossings(tested, anchor, delta.metric):
        sentences.append(
            f"{tested.codec} and {anchor.codec} cross at {crossing.bpp:.3f} bpp, "
            f"{f'{crossing.quality:.2f} {scale.unit}'.strip()} of {scale.title}: below, "
            f"{crossing.cheaper_below} needs fewer bits, above, the other"
        )
    return sentences


def _subsampled(sources: Sequence[Source]) -> list[str]:
    codecs: dict[str, list[str]] = {}  # by sampling
    for source in sources:
        if source.sampling:
            codecs.setdefault(source.sampling, []).append(source.curve.codec)
    return [f"chroma is {sampling} in {', '.join(names)}" for sampling, names in codecs.items()]


def _mixed_versions(sources: Sequence[Source]) -> list[str]:
    sentences = []
    for source in sources:
        if differing := _differing(setup.libraries for setup in source.setups):
            sentences.append(f"{source.curve.codec} was measured with several versions of {differing}")
    setups = [setup for source in sources for setup in source.setups]
    if differing := _differing(setup.metrics for setup in setups):
        sentences.append(f"metrics were scored by several versions of {differing}")
    if len({repr(sorted(setup.machine.items())) for setup in setups}) > 1:
        sentences.append("times were not all taken on the same machine and device, so don't compare them")
    return sentences


def _differing(setups: Iterable[Mapping[str, str]]) -> str:
    """What has several versions, with these: "torch (2.4, 2.5)"; empty if nothing has."""
    versions: dict[str, set[str]] = {}
    for setup in setups:
        for name, version in setup.items():
            versions.setdefault(name, set()).add(str(version))
    return ", ".join(
        f"{name} ({', '.join(sorted(several))})"
        for name, several in sorted(versions.items())
        if len(several) > 1
    )


def _unweighted(sources: Sequence[Source]) -> list[str]:
    """Curves whose pictures were to weigh by their size, which isn't known."""
    curves = [source.curve for source in sources]
    names = [
        curve.codec
        for curve in curves
        if curve.average == BY_PIXELS and curve.cells and weights_of(curve.cells, BY_PIXELS) is None
    ]
    return [f"the pictures' sizes aren't known of {name}: all weigh the same in its means" for name in names]


def _unlike_means(sources: Sequence[Source]) -> list[str]:
    """Whether curves that are all means only are over as many images."""
    if any(source.curve.cells for source in sources):
        return []
    counts = {source.curve.codec: source.curve.points[0].images for source in sources}
    if len(set(counts.values())) == 1 and all(counts.values()):
        return []
    over = ", ".join(f"{codec} over {count or 'unknown'} images" for codec, count in counts.items())
    return [f"these are means, {over}: make sure that the images are the same"]


def _means_only(source: Source, sources: Sequence[Source], dataset: str, images: int) -> list[str]:
    """Whether a curve without single images stands for the images of the others."""
    if source.curve.cells or not any(other.curve.cells for other in sources):
        return []
    name, count = source.curve.codec, source.curve.points[0].images
    sentences = []
    if source.curve.average != next(other.curve.average for other in sources if other.curve.cells):
        sentences.append(f"{name} keeps the average that it came with, for its single images aren't known")
    if not count:
        sentences.append(
            f"{name} is a mean over images that it doesn't name: make sure they are these {images}"
        )
    elif count != images:
        sentences.append(
            f"{name} is a mean over {count} images of {dataset}, the others are over {images}: "
            "not like with like"
        )
    elif not _is_full_set(sources, images):
        sentences.append(
            f"{name} is a mean over all {count} images of {dataset}; that the measured {images} are "
            "those isn't known"
        )
    return sentences


def _is_full_set(sources: Sequence[Source], images: int) -> bool:
    """Whether so many images are known to be a full set; parts of it may have been measured apart."""
    datasets = [setup.dataset for source in sources for setup in source.setups]
    return any(dataset.get("complete") and dataset.get("images") == images for dataset in datasets)
