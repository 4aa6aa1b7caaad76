"""Where the programs are that a user brings: named by a setting, by a file of settings, or on the PATH.

    export BENCH_VTM=/opt/VVCSoftware_VTM                  # a folder with the programs in it or in its bin/
    export BENCH_VTM=/opt/vtm-23.13:/opt/vtm-12.1          # several, the first of them by default

or the same in the configuration file (`config_file`):

    programs:
      vtm: /opt/VVCSoftware_VTM
      hm: [/opt/hm-16.20, /opt/hm-16.7]
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.core import yaml_file
from bench.core.errors import BenchError
from bench.core.yaml_file import YamlError


@dataclass(frozen=True)
class Suite:
    """An encoder and its decoder, as a codec needs them.

    Args:
        name: in settings, such as "vtm".
        encoder, decoder: names of the program; errors show the first.
        install: what to get, as part of a sentence.
    """

    name: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    install: str

    @property
    def setting(self) -> str:
        return f"BENCH_{self.name.upper()}"


@dataclass(frozen=True)
class Programs:
    """The programs of a suite on this machine. Paths are absolute."""

    encoder: Path
    decoder: Path

    def beside(self, name: str) -> Path | None:
        """A file that came with the programs: beside them, or in the cfg/ of what they were built in."""
        here = self.encoder.parent
        places = (here / name, here / "cfg" / name, here.parent / "cfg" / name)
        return next((path for path in places if path.is_file()), None)


def locate(suite: Suite) -> list[Programs]:
    """Look for the programs of a suite; returns those of every place that has them, the preferred one first.

    Raises:
        BenchError: a setting names a folder that doesn't have them.
    """
    if folders := _named(suite):
        return [_in_folder(suite, *folder) for folder in folders]
    encoder, decoder = (
        next(filter(None, map(shutil.which, names)), None) for names in (suite.encoder, suite.decoder)
    )
    return [Programs(Path(encoder).absolute(), Path(decoder).absolute())] if encoder and decoder else []


def missing(suite: Suite) -> str | None:
    """What to get and where to put it, as a sentence; None if the programs are there."""
    try:
        if locate(suite):
            return None
    except BenchError as error:
        return str(error)
    return (
        f"it needs {suite.encoder[0]} and {suite.decoder[0]}; {suite.install}, and put them on the PATH, or "
        f"name their folder in {suite.setting} or as programs: {{{suite.name}: FOLDER}} in {config_file()}"
    )


def files(suite: Suite) -> list[Path]:
    """All that looking for a suite reads: the settings, and the programs of each place."""
    places = [(programs.encoder, programs.decoder) for programs in locate(suite)]
    return [config_file(), *(path for pair in places for path in pair)]


def config_file() -> Path:
    """The file of settings: $BENCH_CONFIG, else config.yaml in the user's folder for codec-bench."""
    if named := os.environ.get("BENCH_CONFIG"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_config_dir("codec-bench"), "config.yaml")


def _named(suite: Suite) -> list[tuple[Path, str]]:
    """Folders that a setting names, and where it stands."""
    if setting := os.environ.get(suite.setting):
        return [(Path(name).expanduser(), suite.setting) for name in setting.split(os.pathsep) if name]
    path = config_file()
    named = _programs_of(path).get(suite.name, [])
    folders = named if isinstance(named, list) else [named]
    if not all(isinstance(folder, str) for folder in folders):
        raise BenchError(f"{path}: '{suite.name}' under 'programs' is a folder or a list of folders")
    return [(path.parent / Path(str(folder)).expanduser(), str(path)) for folder in folders]


def _programs_of(path: Path) -> dict[str, object]:
    try:
        content = yaml_file.read(path)
    except FileNotFoundError:
        if "BENCH_CONFIG" in os.environ:
            raise BenchError(f"BENCH_CONFIG names {path}, and there is no such file") from None
        return {}
    except OSError as error:
        raise BenchError(f"{path} can't be read ({error.strerror}); mend it or remove it") from None
    except YamlError as error:
        raise BenchError(f"{path}: {error}; mend it or remove it") from None
    programs = (content or {}).get("programs", {}) if isinstance(content or {}, dict) else None
    if not isinstance(programs, dict):
        raise BenchError(f"{path} is to hold 'programs:' and below it lines such as 'vtm: FOLDER'")
    return programs


def _in_folder(suite: Suite, folder: Path, setting: str) -> Programs:
    programs = []
    for names in (suite.encoder, suite.decoder):
        places = (folder / sub / name for sub in (".", "bin") for name in names)
        path = next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)
        if path is None:
            raise BenchError(
                f"{setting} names {folder}, and there is no program {names[0]} in it or in its bin/; "
                "correct the setting"
            )
        programs.append(path.absolute())
    return Programs(*programs)
