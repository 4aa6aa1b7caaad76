"""The codecs of the package and those of other packages: the registry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import photo

from bench.codecs import Codec, describe, get, get_class, names, registry
from bench.core.errors import BenchError

Install = Callable[..., None]

PLUGIN = '''
import numpy as np
from bench.codecs import Codec

class Raw(Codec):
    """Pixels as they are, behind their height and width."""

    name = "raw"
    summary = "pixels as they are"
    qualities = (1, 2)
    quality_range = (1, 2)

    def version(self):
        return "raw 7"

    def encode(self, image, quality):
        return np.array(image.shape[:2], "<u4").tobytes() + image.tobytes()

    def decode(self, bitstream):
        height, width = np.frombuffer(bitstream[:8], "<u4")
        return np.frombuffer(bitstream[8:], np.uint8).reshape(height, width, 3)

class Needy(Raw):
    name = "needy"

    @classmethod
    def missing(cls):
        return "it needs the encoder needyenc on the PATH"

    def version(self):
        raise AssertionError("asked for the version of what isn't there")

class Shaky(Raw):
    name = "shaky"

    def version(self):
        raise OSError("no version to be had")

class Stranger:
    pass
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with these entry points and a module of codecs, as pip would lay it out."""
    vars(registry.REGISTRY).pop("targets", None)

    def install(**points: str) -> None:
        info = tmp_path / "toy_codecs-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-codecs\nVersion: 1.0\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[codec_bench.codecs]", *lines, ""]))
        (tmp_path / "toy_codecs.py").write_text(PLUGIN)
        (tmp_path / "toy_broken.py").write_text("raise ZeroDivisionError('broken on purpose')\n")
        monkeypatch.syspath_prepend(tmp_path)
        vars(registry.REGISTRY).pop("targets", None)

    yield install
    monkeypatch.undo()
    for module in ("toy_codecs", "toy_broken"):
        sys.modules.pop(module, None)
    vars(registry.REGISTRY).pop("targets", None)


# The registry.


def test_the_codecs_of_the_package_are_there() -> None:
    assert {"ainn", "jpeg", "webp"} <= set(names())
    assert names() == sorted(names())


@pytest.mark.parametrize("name", ["ainn", "jpeg", "webp"])
def test_codecs_keep_the_interface(name: str) -> None:
    codec = get(name)
    assert isinstance(codec, Codec) and codec.name == name and codec.summary
    assert codec.version() == get(name).version() != ""
    assert len(codec.qualities) >= 4 and list(codec.qualities) == sorted(codec.qualities)
    for quality in codec.qualities:
        assert codec.check_quality(quality) == quality


@pytest.mark.parametrize(("typo", "meant"), [("jpg", "jpeg"), ("web", "webp"), ("anin", "ainn")])
def test_a_typo_is_told_what_was_meant(typo: str, meant: str) -> None:
    with pytest.raises(BenchError, match=f"no codec '{typo}'; did you mean '{meant}'.*ainn, .*jpeg, .*webp"):
        get(typo)


def test_a_name_like_no_other_is_told_what_there_is() -> None:
    with pytest.raises(BenchError, match=r"no codec 'xyzzy'; there are ainn, .*jpeg, .*webp"):
        get_class("xyzzy")


def test_codecs_are_described_in_plain_types() -> None:
    entries = {entry["name"]: entry for entry in describe()}
    assert list(entries) == names()
    jpeg = entries["jpeg"]
    assert jpeg["usable"] is True and jpeg["note"] == ""
    assert "libjpeg-turbo" in str(jpeg["version"]) and jpeg["qualities"] == get("jpeg").qualities


def test_importing_codecs_imports_no_torch() -> None:
    """`bench list` and `bench --help` must not wait for torch; nor JPEG's jobs."""
    script = (
        "import sys, bench.codecs\n"
        "bench.codecs.get('ainn').check_quality(2)\n"
        "bench.codecs.get('jpeg')\n"
        "print(sorted({'torch', 'scipy', 'compressai', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Plugins.


def test_a_plugin_is_a_codec_like_the_others(install: Install) -> None:
    assert "raw" not in names()
    install(raw="toy_codecs:Raw")
    assert "raw" in names()
    codec, image = get("raw"), photo(5, 7)
    assert np.array_equal(codec.decode(codec.encode(image, 1)), image)
    (entry,) = (entry for entry in describe() if entry["name"] == "raw")
    assert entry == {
        "name": "raw",
        "usable": True,
        "version": "raw 7",
        "qualities": (1, 2),
        "summary": "pixels as they are",
        "parameters": (),
        "note": "",
    }
    with pytest.raises(BenchError, match="did you mean 'raw'"):
        get("rwa")


def test_a_plugin_with_the_name_of_another_codec_is_an_error(install: Install) -> None:
    install(jpeg="toy_codecs:Raw")
    with pytest.raises(BenchError, match=r"two codecs are named 'jpeg', one of them toy_codecs:Raw"):
        names()
    with pytest.raises(BenchError, match="two codecs are named 'jpeg'"):
        get("webp")


def test_what_a_plugin_lacks_is_told(install: Install) -> None:
    install(needy="toy_codecs:Needy")
    with pytest.raises(BenchError, match="codec 'needy' can't run here: it needs the encoder needyenc"):
        get("needy")
    (entry,) = (entry for entry in describe() if entry["name"] == "needy")
    assert (entry["usable"], entry["version"]) == (False, None)
    assert entry["note"] == "it needs the encoder needyenc on the PATH"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("toy_broken:Codec", "ZeroDivisionError: broken on purpose"),
        ("toy_codecs:Absent", "AttributeError"),
        ("toy_nowhere:Codec", "ModuleNotFoundError"),
        ("toy_codecs:Stranger", "no subclass of bench.codecs.Codec"),
    ],
)
def test_a_broken_plugin_breaks_nothing_else(install: Install, target: str, reason: str) -> None:
    install(broken=target, raw="toy_codecs:Raw")
    entries = {str(entry["name"]): entry for entry in describe()}
    assert entries["broken"]["usable"] is False and reason in str(entries["broken"]["note"])
    assert entries["raw"]["usable"] is True and entries["jpeg"]["usable"] is True
    with pytest.raises(BenchError, match="codec 'broken'") as caught:
        get("broken")
    assert reason in str(caught.value)
    assert get("raw").version() == "raw 7"


def test_a_plugin_without_a_version_is_listed_as_broken(install: Install) -> None:
    install(shaky="toy_codecs:Shaky")
    (entry,) = (entry for entry in describe() if entry["name"] == "shaky")
    assert entry["usable"] is False and entry["note"] == "no version to be had"
