"""LPIPS and DISTS: networks' weights are found, checked and never downloaded; figures are their authors'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import random_weights
from scored import RANDOM_REFERENCES, largest_difference, references, score
from tiny import photo

from bench import metrics
from bench.core.errors import BenchError
from bench.metrics.backbones import ALEXNET, VGG16, Backbone
from bench.metrics.dists import Dists
from bench.metrics.lpips import Lpips, LpipsVgg
from bench.metrics.weights import Weights, torch_cache

NETWORKS: dict[str, tuple[type[Lpips | Dists], Backbone]] = {
    "lpips": (Lpips, ALEXNET), "lpips_vgg": (LpipsVgg, VGG16), "dists": (Dists, VGG16),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Backbone]]]:
    """A folder with random weights of both networks, and the backbones that mean them."""
    path = tmp_path_factory.mktemp("weights")
    yield path, {b.weights.file: random_weights.saved(b, path) for b in (ALEXNET, VGG16)}


@pytest.fixture(params=NETWORKS)
def metric(
    request: pytest.FixtureRequest, folder: tuple[Path, dict[str, Backbone]], monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name of a metric that has random weights."""
    name: str = request.param
    kind, backbone = NETWORKS[name]
    monkeypatch.setattr(kind, "backbone", folder[1][backbone.weights.file])
    monkeypatch.setenv("BENCH_WEIGHTS", str(folder[0]))
    return name


def test_scores_are_those_of_the_authors_with_the_same_weights(metric: str) -> None:
    recipes = references(metric, file=RANDOM_REFERENCES)
    assert len(recipes) == 15 and min(recipe["scores"][metric] for recipe in recipes) > 4e-4
    assert largest_difference(metric, recipes[:: 1 if metric == "lpips" else 7]) < 2e-7


def test_scores_have_the_direction_and_the_sizes_that_the_metric_says(metric: str) -> None:
    picture = photo(64, 70)
    dark, flat = picture // 2, np.full_like(picture, 128)
    assert score(metric, picture, picture.copy()) == 0
    values = [score(metric, picture, decoded) for decoded in (picture ^ 1, picture ^ 8, dark)]
    assert None not in values and 0 < values[0] < values[1] < values[2]  # type: ignore[operator]
    assert score(metric, flat, flat ^ 1) is not None
    smallest = metrics.get(metric).min_side
    for side in (smallest - 1, smallest):
        small = photo(side, side + 5)
        assert (score(metric, small, 255 - small) is not None) == (side == smallest)


def test_one_original_serves_several_decoded_pictures(metric: str) -> None:
    picture = photo(40, 48)
    first = metrics.ready(metric).against(picture) if metrics.get(metric).missing() is None else None
    if first is None:
        pytest.skip(str(metrics.get(metric).missing()))
    values = [first(picture ^ bit) for bit in (1, 8, 1)]
    assert values[0] == values[2] != values[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_version_names_each_file_of_weights_with_its_hash(name: str) -> None:
    kind, _ = NETWORKS[name]
    for file in (kind.backbone.weights, kind.channels):
        assert f"{Path(file.file).name} {file.sha256[:16]}" in kind().version()


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_that_are_missing_or_damaged_are_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", _never)
    monkeypatch.setattr("torch.hub.download_url_to_file", _never)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    kind, backbone = NETWORKS[name]
    if kind.channels.missing():
        pytest.skip(str(kind.channels.missing()))
    file = backbone.weights.file
    with pytest.raises(
        BenchError, match=rf"it needs the weights {file}; download .*/{file} into .*, or name"
    ):
        metrics.ready(name)
    torch_cache().mkdir(parents=True)
    (torch_cache() / file).write_bytes(b"half of it")
    with pytest.raises(BenchError, match=rf"isn't {file} whole: its SHA-256 is .*; download it again"):
        metrics.ready(name)
    monkeypatch.setattr(kind, "channels", Weights("weights.pt", "0", ("some-package", "no_such_module")))
    with pytest.raises(BenchError, match="it needs some-package; pip install some-package"):
        metrics.ready(name)


def test_torchs_cache_is_found_as_torch_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch import hub

    settings: list[dict[str, str]] = [
        {},
        {"XDG_CACHE_HOME": str(tmp_path)},
        {"TORCH_HOME": str(tmp_path / "t")},
    ]
    for variables in settings:
        for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert torch_cache() == Path(hub.get_dir(), "checkpoints")


_never: Callable[..., None] = lambda *_, **__: pytest.fail("weights were downloaded")  # noqa: E731
