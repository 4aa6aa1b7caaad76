"""Files of results as others write them: CompressAI's JSON, AOM's and JPEG AI's tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from made_up import fill

from bench.compare import curve_csv
from bench.compare.comparison import compare
from bench.core.errors import BenchError
from bench.results import Store

JPEG_AI = (
    "VM_00001_TE_2096x1400_8bit_sRGB_{rate:03d}.png\t{bpp}\t0.9711\t0.9709\t{psnr}\t41.5\t42.25\t0.75\t0.99\t"
    "0.25\t0.95\t{vmaf}\t33.5\t210.5\t1.5\t20.1\t2.5\t30.1\tmatch\n"
)
AOM_HEADER = (
    "TestCfg,EncodeMethod,CodecName,EncodePreset,Class,Name,OrigRes,FPS,BitDepth,CodedRes,QP,Bitrate(kbps),"
    "PSNR_Y,PSNR_U,PSNR_V,SSIM_Y(dB),MS-SSIM_Y(dB),VMAF_Y,VMAF_Y-NEG,PSNR-HVS,CIEDE2000,APSNR_Y,APSNR_U,"
    "APSNR_V,CAMBI,EncT[s],DecT[s]\n"
)
AOM = (
    "STILL,aom,av1,{preset},F1,{name},2000x1000,30.0000,8,2000x1000,{qp},{kbps},{psnr},40.5,41.5,15.0,18.0,"
    "91.5,90.5,36.5,38.25,{psnr},40.5,41.5,0.5,1.00,0.10,\n"
)


def written(folder: Path, text: str, name: str = "mine.txt") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def compressai(folder: Path, results: Any, **beside: Any) -> Path:
    return written(folder, json.dumps({"name": "any", "results": results, **beside}), "mine.json")


# CompressAI


@pytest.mark.parametrize("names", [("psnr-rgb", "ms-ssim-rgb"), ("psnr", "ms-ssim")])
def test_compressai_s_json_is_a_curve_of_means(names: tuple[str, str], tmp_path: Path) -> None:
    psnr, ms_ssim = names
    results = {psnr: [34, 30.5], ms_ssim: [0.99, 0.95], "bpp": [0.5, 0.25], "encoding_time": [1.0, 2.0]}
    curve = curve_csv.load(compressai(tmp_path, results), "mine")
    assert curve.cells == ()
    assert [(point.quality, point.bpp, point.values) for point in curve.points] == [
        (1, 0.25, {"psnr": 30.5, "ms_ssim": 0.95}),
        (2, 0.5, {"psnr": 34, "ms_ssim": 0.99}),
    ]


def test_without_the_key_results_and_with_metrics_of_bench(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"bpp": [1.0], "vmaf": [90.5], "psnr-rgb": [None]}))
    (point,) = curve_csv.load(path, "mine").points
    assert point.values == {"vmaf": 90.5}


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        ({"psnr-rgb": [30]}, 'has no "bpp"'),
        ({"bpp": [1], "taste": [4]}, "no metric that is known here: bpp, taste; CompressAI's are psnr-rgb"),
        ({"bpp": [1, 2], "psnr-rgb": [30]}, "lists of unlike lengths: 2 of bpp, 1 of psnr"),
        ({"bpp": [1, "two"], "psnr-rgb": [30, 31]}, "point 2: bpp is 'two'"),
        ({"bpp": [1, -2], "psnr-rgb": [30, 31]}, "point 2: bpp is '-2'"),
        ({"bpp": [1], "psnr-rgb": [[30]]}, r"point 1: psnr is '\[30\]'"),
        ({"bpp": [1], "psnr-rgb": [True]}, "point 1: psnr is 'True'"),
        ({"bpp": [1], "ms-ssim-rgb": [14.5]}, "point 1: ms_ssim is 14.5, .*dB"),
        ({"bpp": [], "psnr-rgb": []}, "has no rows"),
        ([1, 2], 'has no "bpp"'),
    ],
)
def test_json_that_is_none_is_refused(results: Any, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=complaint):
        curve_csv.load(compressai(tmp_path, results), "mine")


@pytest.mark.parametrize("text", ['{"results": {"bpp": [1,', '{"a":' * 100_000])
def test_broken_json_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="is no JSON"):
        curve_csv.load(written(tmp_path, text), "mine")


def test_a_value_beyond_all_bounds_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="line 2 is no CSV"):
        curve_csv.load(written(tmp_path, "image,quality,bpp,psnr\n,1,1," + "3" * 200_000), "mine")


# AOM's common test conditions


def aom(preset: int = 2, name: str = "clip", factor: float = 1.0) -> str:
    # 2 million pixels at 30 frames a second: 60,000 kbit/s are 1 bit per pixel.
    return "".join(
        AOM.format(
            preset=preset, name=name, qp=qp, kbps=factor * 60_000 * rate, psnr=30 + 6 * math.log2(rate)
        )
        for qp, rate in ((85, 2.0), (110, 1.0), (135, 0.5), (160, 0.25))
    )


def test_aom_s_table_is_of_single_clips_by_qp(tmp_path: Path) -> None:
    curve = curve_csv.load(written(tmp_path, AOM_HEADER + aom() + aom(name="other", factor=3)), "mine")
    assert {(cell.name, cell.quality) for cell in curve.cells} == {
        (name, qp) for name in ("clip", "other") for qp in (85, 110, 135, 160)
    }
    (cell,) = [cell for cell in curve.cells if (cell.name, cell.quality) == ("clip", 135)]
    assert cell.bpp == pytest.approx(0.5)
    assert cell.values == {
        "psnr_y": 24, "psnr_cb": 40.5, "psnr_cr": 41.5, "vmaf": 91.5, "vmaf_neg": 90.5, "ciede2000_db": 38.25,
    }  # fmt: skip
    assert [point.bpp for point in curve.points] == pytest.approx([0.5, 1, 2, 4])


def test_a_codec_at_several_presets_is_several_curves(tmp_path: Path) -> None:
    path = written(tmp_path, AOM_HEADER + aom() + aom(preset=4, factor=2))
    with pytest.raises(
        BenchError, match="which of several curves to take, it has av1:preset=2, av1:preset=4"
    ):
        curve_csv.load(path, "mine")
    slow, fast = (curve_csv.load(path, "mine", codec=f"av1:preset={preset}") for preset in (2, 4))
    assert [point.bpp for point in fast.points] == pytest.approx([2 * point.bpp for point in slow.points])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("2000x1000,30", "large,30", "line 2: OrigRes is 'large'"),
        ("30.0000", "0", "line 2: FPS is '0'"),
        ("120000.0,", "inf,", r"line 2: Bitrate\(kbps\) is 'inf'"),
        (",85,", ",low,", "line 2: quality is 'low'"),
        (",91.5,90.5,36.5,38.25", "", "line 2 has 2. values where the header names 27"),
        ("OrigRes", "Size", "lacks the column OrigRes"),
    ],
)
def test_a_table_of_aom_with_a_fault_says_where(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=complaint):
        curve_csv.load(written(tmp_path, (AOM_HEADER + aom()).replace(old, new)), "mine")


# JPEG AI


def jpeg_ai(header: str = "", mark: str = "\t") -> str:
    lines = "".join(
        JPEG_AI.format(rate=rate, bpp=rate / 100, psnr=30 + rate, vmaf=80 + rate / 10)
        for rate in (3, 6, 12, 25)
    )
    return header + lines.replace("\t", mark)


NAMED = "name,BPP,MS-SSIM (PyTorch),MS-SSIM (IQA),PSNR_Y,PSNR_U,PSNR_V,VIF,FSIM,NLPD,IW-SSIM,VMAF,PSNR_HVS"


@pytest.mark.parametrize(("header", "mark"), [("", "\t"), ("", ","), (NAMED + ",a,b,c,d,e,f\n", ",")])
def test_jpeg_ai_s_summary_is_of_single_images_by_rate(header: str, mark: str, tmp_path: Path) -> None:
    curve = curve_csv.load(written(tmp_path, jpeg_ai(header, mark)), "mine")
    assert {cell.name for cell in curve.cells} == {"00001_TE_2096x1400_8bit_sRGB"}
    assert [(cell.quality, cell.bpp) for cell in curve.cells] == [
        (3, 0.03),
        (6, 0.06),
        (12, 0.12),
        (25, 0.25),
    ]
    assert curve.cells[1].values == {
        "psnr_y": 36, "psnr_cb": 41.5, "psnr_cr": 42.25, "vif": 0.75, "fsim": 0.99, "nlpd": 0.25,
        "iw_ssim": 0.95, "vmaf": 80.6, "psnr_hvs": 33.5,
    }  # fmt: skip


def test_what_jpeg_ai_s_framework_writes_for_infinite_and_not_known(tmp_path: Path) -> None:
    text = jpeg_ai().replace("\t36\t", "\t100\t").replace("\t0.75\t", "\t-100.0\t")
    cell = curve_csv.load(written(tmp_path, text), "mine").cells[1]
    assert cell.values["psnr_y"] == math.inf and cell.values["vif"] is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("VM_00001_TE_2096x1400_8bit_sRGB_006", "average", "line 2: 'average.png' is no name of JPEG AI"),
        ("\t0.06\t", "\tfew\t", "line 2: bpp is 'few'"),
        ("\t36\t41.5\t42.25\t0.75\t0.99\t0.25\t0.95", "", "line 2 has only 12 values"),
    ],
)
def test_a_summary_of_jpeg_ai_with_a_fault_says_where(
    old: str, new: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(BenchError, match=complaint):
        curve_csv.load(written(tmp_path, jpeg_ai().replace(old, new)), "mine")


# In a comparison


def test_others_files_are_compared_with_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")
    fill(Store(tmp_path), "base", qualities=(10, 20, 30, 40))
    rates = [0.1 * 2**step for step in (1, 2, 3, 4)]
    psnr = [30 + 6 * math.log2(rate) for rate in rates]
    path = compressai(tmp_path, {"bpp": [rate / 2 for rate in rates], "psnr-rgb": psnr})
    (result,) = compare([f"file:{path}", "base"], "set", tmp_path)
    assert result.deltas[0].bd.bd_rate == pytest.approx(-50)
    with pytest.raises(BenchError, match=r"for a file, write file:mine\.json"):
        compare(["mine.json", "base"], "set", tmp_path)
