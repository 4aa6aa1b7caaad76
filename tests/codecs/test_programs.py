"""Codecs of programs that a user brings: where these are found, how they are called, what their failures
become. Stand-ins do what the real ones do to files; the real ones are tested where they are found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fake_reference
import numpy as np
import pytest
from shell import assert_one_sentence, bench, results_of
from tiny import photo

from bench.codecs import Codec, CodecError, describe, get, get_class
from bench.codecs.locate import Suite, locate, missing
from bench.codecs.parameter_sets import hevc_size, vvc_size
from bench.codecs.registry import resolve
from bench.core.errors import BenchError
from bench.process import Limits, Worker, WorkerError

PROGRAMS = {
    "vtm": ("EncoderAppStatic", "DecoderAppStatic"),
    "hm": ("TAppEncoderStatic", "TAppDecoderStatic"),
    "bpg": ("bpgenc", "bpgdec"),
}
CONFIGS = {"vtm": "encoder_intra_vtm.cfg", "hm": "encoder_intra_main_rext.cfg"}
NAMES = pytest.mark.parametrize("name", PROGRAMS)
SUITE = Suite("vtm", ("EncoderAppStatic", "EncoderApp"), ("DecoderAppStatic", "DecoderApp"), "build it")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings, none of this machine's programs."""
    for name in PROGRAMS:
        monkeypatch.delenv(f"BENCH_{name.upper()}", raising=False)
    monkeypatch.delenv("BENCH_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def install(folder: Path, name: str, mode: str = "well") -> Path:
    """Stand-ins of a codec's programs in a folder; with the configuration that comes with them."""
    if name in CONFIGS:
        (folder / "cfg").mkdir(parents=True, exist_ok=True)
        (folder / "cfg" / CONFIGS[name]).write_text("IntraPeriod : 1\n")
    return fake_reference.install(folder, PROGRAMS[name], mode)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Brings a codec's stand-ins, and names them in the setting."""

    def bring(name: str, mode: str = "well", version: str = "12.1") -> Path:
        folder = install(tmp_path / version, name, mode)
        monkeypatch.setenv(f"BENCH_{name.upper()}", str(folder))
        return folder

    return bring


def arguments_of(folder: Path, program: str) -> list[str]:
    arguments: list[str] = json.loads((folder / f"{program}.arguments").read_text())
    return arguments


# Where they are found.


@NAMES
def test_without_programs_it_says_what_to_get_and_where_to_put_it(name: str) -> None:
    with pytest.raises(BenchError) as caught:
        get(name)
    for part in (*PROGRAMS[name], f"BENCH_{name.upper()}", "https://", "PATH", "config.yaml"):
        assert part in str(caught.value)
    (entry,) = (entry for entry in describe() if entry["name"] == name)
    assert entry["usable"] is False and entry["version"] is None and "https://" in str(entry["note"])


@NAMES
def test_they_are_found_by_the_setting_the_path_and_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    folders = {where: install(tmp_path / where / "12.1", name) for where in ("setting", "path", "file")}
    config = tmp_path / "settings.yaml"
    config.write_text(f"programs:\n  {name}: file/12.1\n")

    def located() -> Path:
        return get(name)._programs.encoder.parent  # type: ignore[attr-defined,no-any-return]

    monkeypatch.setenv("PATH", f"{folders['path']}:/usr/bin:/bin")
    assert located() == folders["path"]
    monkeypatch.setenv("BENCH_CONFIG", str(config))
    assert located() == folders["file"]
    monkeypatch.setenv(f"BENCH_{name.upper()}", str(folders["setting"]))
    assert located() == folders["setting"]
    (entry,) = (entry for entry in describe() if entry["name"] == name)
    assert entry["usable"] is True and "12.1" in str(entry["version"])


def test_a_source_tree_will_do_as_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_reference.install(tmp_path / "tree" / "bin", PROGRAMS["vtm"])
    (tmp_path / "tree" / "cfg").mkdir()
    (tmp_path / "tree" / "cfg" / CONFIGS["vtm"]).write_text("IntraPeriod : 1\n")
    monkeypatch.setenv("BENCH_VTM", str(tmp_path / "tree"))
    assert get("vtm").version().startswith("VTM bin, encoder_intra_vtm.cfg ")


def test_the_configuration_file_of_the_user_is_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for home in (tmp_path / "config", tmp_path / "home" / "Library" / "Application Support"):
        (home / "codec-bench").mkdir(parents=True)
        text = f"programs:\n  vtm: [{install(tmp_path / '12.1', 'vtm')}]\n"
        (home / "codec-bench" / "config.yaml").write_text(text)
    assert locate(SUITE)[0].encoder == tmp_path / "12.1" / "EncoderAppStatic"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("programs: {vtm: nowhere}", "no program EncoderAppStatic in it or in its bin/"),
        ("programs: {vtm: 7}", "is a folder or a list of folders"),
        ("programs: [vtm]", "is to hold 'programs:'"),
        ("[1, 2]", "is to hold 'programs:'"),
        ("programs: {vtm: 'a", "it is no YAML in line 1"),
        ("programs: " + "[" * 20_000, "nested more than 32 levels deep"),
        (None, "BENCH_CONFIG names .*, and there is no such file"),
    ],
)
def test_a_wrong_setting_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, reason: str
) -> None:
    config = tmp_path / "settings.yaml"
    if text is not None:
        config.write_text(text)
    monkeypatch.setenv("BENCH_CONFIG", str(config))
    with pytest.raises(BenchError, match=f"codec 'vtm' can't run here: .*{reason}"):
        get("vtm")


def test_an_empty_file_of_settings_is_no_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("")
    monkeypatch.setenv("BENCH_CONFIG", str(tmp_path / "settings.yaml"))
    assert locate(SUITE) == [] and "it needs EncoderAppStatic" in (missing(SUITE) or "")


def test_a_folder_without_the_decoder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (install(tmp_path / "12.1", "vtm") / "DecoderAppStatic").unlink()
    monkeypatch.setenv("BENCH_VTM", str(tmp_path / "12.1"))
    with pytest.raises(BenchError, match=r"BENCH_VTM names .*12.1, and there is no program DecoderAppStatic"):
        get("vtm")


def test_of_several_versions_one_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = [str(install(tmp_path / version, "vtm")) for version in ("23.13", "12.1")]
    monkeypatch.setenv("BENCH_VTM", os.pathsep.join(folders))
    assert get("vtm").version().startswith("VTM 23.13, ")
    old = get("vtm:version=12.1")
    assert old.name == "vtm:version=12.1" and old.version().startswith("VTM 12.1, ")
    with pytest.raises(BenchError, match=r"vtm 9.1 isn't there, only 23.13, 12.1; add the folder of 9.1 to"):
        get("vtm:version=9.1").version()


@pytest.mark.parametrize("name", CONFIGS)
def test_without_its_configuration_it_says_so(brought, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    (folder / "cfg" / CONFIGS[name]).unlink()
    with pytest.raises(BenchError, match=rf"{name} needs {CONFIGS[name]} .* or name it as {name}:cfg=PATH"):
        get(name).version()
    own = tmp_path / "mine.cfg"
    own.write_text("QP : 3\n")
    codec = get(f"{name}:cfg={own}")
    assert codec.name == f"{name}:cfg=mine.cfg" and "mine.cfg" in codec.version()
    codec.encode(photo(8, 8), 30)
    assert str(own) in arguments_of(folder, PROGRAMS[name][0])
    before = codec.version()
    own.write_text("QP : 4\n")
    assert get(f"{name}:cfg={own}").version() != before  # what it says is part of what it is


def test_a_configuration_that_is_not_there_is_told(brought, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    brought("vtm")
    with pytest.raises(BenchError, match=r"vtm's cfg is a file, and there is none at none\.cfg"):
        get("vtm:cfg=none.cfg")
    (tmp_path / "own.cfg").write_text("")
    monkeypatch.chdir(tmp_path)
    assert resolve("vtm:bits=8,cfg=own.cfg") == f"vtm:bits=8,cfg={tmp_path / 'own.cfg'}"


# How they are called.


@pytest.mark.parametrize("name", CONFIGS)
def test_the_command_lines_of_reference_software(brought, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    codec = get(name)
    image = photo(9, 14)
    decoded = codec.decode(codec.encode(image, 37))
    assert np.array_equal(decoded, image)  # 10 bits and 4:4:4 lose nothing, and neither does the stand-in
    extra = ["--InternalBitDepth=10", "--SEIDecodedPictureHash=0"] if name == "hm" else []
    config = str(folder / "cfg" / CONFIGS[name])
    assert arguments_of(folder, PROGRAMS[name][0]) == [
        "-c", config, "-i", "input.yuv", "-b", "output.bin", "-o", "/dev/null", "-q", "37",
        "-wdt", "14", "-hgt", "9", "-fr", "1", "-f", "1", "--InputChromaFormat=444", "--InputBitDepth=10",
        "--ConformanceWindowMode=1", *extra,
    ]  # fmt: skip
    assert arguments_of(folder, PROGRAMS[name][1]) == ["-b", "input.bin", "-o", "output.yuv", "-d", "10"]


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_of_reference_software(brought, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    codec = get(f"{name}:bits=8,chroma=420,range=limited")
    assert codec.sampling() == "4:2:0"
    image = photo(9, 14)
    stream = codec.encode(image, 22)
    assert stream[:1] == b"\xff" and codec.decode(stream).shape == image.shape  # 9 rows have no half
    arguments = arguments_of(folder, PROGRAMS[name][0])
    assert {"--InputChromaFormat=420", "--InputBitDepth=8", "10"} <= set(arguments)
    assert arguments_of(folder, PROGRAMS[name][1])[-2:] == ["-d", "8"]
    assert codec.encode(photo(8, 8), 22)[:4] == b"\0\0\0\1"
    assert "chroma 420, 8 bits, limited range" in codec.version()


def test_the_command_lines_of_bpg(brought) -> None:  # type: ignore[no-untyped-def]
    folder = brought("bpg", version="0.9.8")
    codec = get("bpg")
    assert codec.version().startswith("libbpg 0.9.8, encoder x265, chroma 444, bits 8")
    image = photo(40, 50)
    assert np.array_equal(codec.decode(codec.encode(image, 29)), image)
    assert arguments_of(folder, "bpgenc") == [
        "-q", "29", "-f", "444", "-b", "8", "-e", "x265", "-c", "ycbcr", "-m", "8",
        "-o", "output.bpg", "input.png",
    ]  # fmt: skip
    assert arguments_of(folder, "bpgdec") == ["-o", "output.ppm", "input.bpg"]
    other = get("bpg:encoder=jctvc,bits=10,chroma=420,colour=ycbcr_bt709,effort=9")
    assert np.array_equal(other.decode(other.encode(photo(3, 3), 0)), photo(3, 3))
    assert arguments_of(folder, "bpgenc")[:12] == [
        "-q", "0", "-f", "420", "-b", "10", "-e", "jctvc", "-c", "ycbcr_bt709", "-m", "9",
    ]  # fmt: skip


def test_a_picture_that_bpgs_x265_falls_over_is_made_larger(brought) -> None:  # type: ignore[no-untyped-def]
    brought("bpg")
    codec, image = get("bpg"), photo(1, 40)
    stream = codec.encode(image, 30)
    assert stream[:1] == b"\xff" and np.array_equal(codec.decode(stream), image)


@NAMES
def test_provenance_has_command_lines_and_hashes_and_no_folder(brought, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    own = tmp_path / "own.cfg"
    own.write_text("")
    codec = get(f"{name}:cfg={own}" if name in CONFIGS else name)
    facts = codec.provenance()
    assert str(tmp_path) not in json.dumps(facts) and str(tmp_path) not in codec.version() + codec.name
    encoder, decoder = PROGRAMS[name]
    assert (
        facts["commands"]["encode"].startswith(f"{encoder} ") and "{quality}" in facts["commands"]["encode"]
    )
    assert facts["commands"]["decode"].startswith(f"{decoder} ")
    assert {encoder, decoder} <= set(facts["programs"])
    assert all(len(digest) == 64 for digest in facts["programs"].values())
    assert (folder / encoder).is_file()


# What their failures become.


@NAMES
@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("crash", r"ended with exit code 1: .*ERROR: In function .setup. in EncLib.cpp:12: no such level"),
        ("silent", "ended well but wrote no file output"),
        ("empty", "ended well but wrote an empty file output"),
    ],
)
@pytest.mark.parametrize("side", [0, 1], ids=["encoder", "decoder"])
def test_a_failure_is_told_with_the_last_words(brought, name: str, mode: str, reason: str, side: int) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    codec, image = get(name), photo(40, 40)
    stream = codec.encode(image, 30)
    (folder / "mode").write_text(mode)
    with pytest.raises(CodecError, match=f"{PROGRAMS[name][side]} {reason}") as caught:
        codec.decode(stream) if side else codec.encode(image, 30)
    assert "/secret" not in str(caught.value) and str(folder) not in str(caught.value)


def test_where_jctvc_may_not_write_it_says_what_to_do(brought) -> None:  # type: ignore[no-untyped-def]
    brought("bpg", "shut-out")
    with pytest.raises(CodecError, match=r"Could not open .*out1234-1.yuv.*which --unconfined allows"):
        get("bpg:encoder=jctvc").encode(photo(40, 40), 30)
    with pytest.raises(CodecError, match=r"out1234-1.yuv'$"):
        get("bpg").encode(photo(40, 40), 30)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_decoder_that_writes_too_little_is_told(brought, name: str) -> None:  # type: ignore[no-untyped-def]
    folder = brought(name)
    stream = get(name).encode(photo(8, 8), 30)
    (folder / "mode").write_text("short")
    with pytest.raises(CodecError, match="192 bytes of planes were decoded instead of the 384"):
        get(name).decode(stream)


@NAMES
def test_what_is_no_stream_is_a_codec_error(brought, name: str) -> None:  # type: ignore[no-untyped-def]
    brought(name)
    for stream in (b"", b"x" * 100, b"\xff", b"\xff\1\0\1\0x"):
        with pytest.raises(CodecError):
            get(name).decode(stream)


def test_a_program_that_is_something_else_is_told(brought) -> None:  # type: ignore[no-untyped-def]
    folder = brought("vtm")
    (folder / "EncoderAppStatic").write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(BenchError, match="EncoderAppStatic prints no version, as vtm's does"):
        get("vtm").version()


def test_one_that_hangs_is_ended_with_all_it_started(brought) -> None:  # type: ignore[no-untyped-def]
    folder = brought("vtm")
    worker = Worker("encode", "vtm", Limits(seconds=3), threads=1)
    try:
        worker.start()
        (folder / "mode").write_text("hang")
        image = photo(8, 8)
        with pytest.raises(WorkerError, match=r"it took over 3 s \(--timeout\)"):
            worker.ask("encode", image.tobytes(), shape=image.shape, quality=30, repeats=1)
    finally:
        worker.close()
    assert not worker.running


def test_a_run_of_a_stand_in_keeps_what_went_well(brought, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = brought("vtm")
    setting = {"BENCH_VTM": str(folder), "PATH": os.environ["PATH"]}
    where = ("--dataset", "sample", "--results", tmp_path / "results", "--images", "1")
    done = bench("run", "--codec", "vtm", *where, "--quality", "47", **setting)
    assert done.returncode == 0, done
    (folder / "mode").write_text("crash")
    done = bench("run", "--codec", "vtm", *where, "--quality", "47", "--quality", "42", **setting)
    assert done.returncode == 1 and "no such level" in done.stdout + done.stderr
    contents = results_of(tmp_path / "results", "vtm")
    assert [row.quality for row in contents.rows.values()] == [47]
    (failure,) = contents.failures.values()
    assert failure.side == "encode" and failure.reason.endswith("EncLib.cpp:12: no such level")
    (setup,) = contents.setups.values()
    assert setup.details["commands"]["encode"].startswith("EncoderAppStatic -c encoder_intra_vtm.cfg -i ")
    assert str(tmp_path) not in (tmp_path / "results" / "sample" / "vtm.jsonl").read_text()


def test_from_a_shell_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    done = bench("run", "--codec", "vtm", "--dataset", "sample", "--results", tmp_path, BENCH_VTM="/none")
    assert_one_sentence(done, "codec 'vtm' can't run here: BENCH_VTM names /none", "correct the setting")
    done = bench("run", "--codec", "vtm:cgf=x", "--dataset", "sample", "--results", tmp_path)
    assert_one_sentence(done, "vtm has no parameter 'cgf'; did you mean 'cfg'?")


# The real ones.

FOUND = {name: os.environ.get(f"BENCH_{name.upper()}") for name in PROGRAMS}


@pytest.fixture(params=[*PROGRAMS, "bpg:encoder=jctvc", "vtm:chroma=420", "hm:chroma=420", "bpg:bits=10"])
def real(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Codec:
    name = request.param.partition(":")[0]
    if not FOUND[name]:
        pytest.skip(f"BENCH_{name.upper()} names no folder with {get_class(name).suite.install}")  # type: ignore[attr-defined]
    monkeypatch.setenv(f"BENCH_{name.upper()}", FOUND[name] or "")
    return get(request.param)


@pytest.mark.programs
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (40, 65)], ids=str)
def test_the_real_one_codes_all_sizes(real: Codec, size: tuple[int, int]) -> None:
    image = photo(*size)
    stream = real.encode(image, 20)
    assert real.encode(image, 20) == stream
    decoded = real.decode(stream)
    assert decoded.shape == image.shape
    error = np.mean((decoded.astype(float) - image) ** 2)
    assert error < (30 if real.sampling() is None else 120)


@pytest.mark.programs
def test_the_real_one_spends_less_at_a_higher_qp(real: Codec) -> None:
    image = photo(64, 64)
    sizes, errors = [], []
    for quality in (40, 30, 20):
        stream = real.encode(image, quality)
        sizes.append(len(stream))
        errors.append(float(np.mean((real.decode(stream).astype(float) - image) ** 2)))
    assert sizes == sorted(sizes) and errors == sorted(errors, reverse=True)


def test_streams_of_the_stand_ins_tell_their_size() -> None:
    for width, height in ((1, 1), (14, 9), (768, 512), (2048, 1366)):
        assert vvc_size(fake_reference.vvc_parameters(width, height, 444)) == (height, width)
        assert hevc_size(fake_reference.hevc_parameters(width, height, 444)) == (height, width)
    assert vvc_size(fake_reference.vvc_parameters(14, 10, 420)) == (10, 14)
    assert hevc_size(fake_reference.hevc_parameters(14, 10, 420)) == (10, 14)
