"""What `--fail-on` may say."""

from __future__ import annotations

import pytest

from bench.check import (
    parse_rules,
)
from bench.core.errors import BenchError


@pytest.mark.parametrize(
    ("text", "metric", "threshold"),
    [
        ("bd-rate:psnr:1%", "psnr", 1.0), ("bd-rate:ms_ssim:.5 %", "ms_ssim", 0.5),
        ("bd-metric:psnr:0.05dB", "psnr", 0.05), ("bd-metric:psnr:0.05 db", "psnr", 0.05),
        ("metric:ms_ssim:0.02", "ms_ssim", 0.02), ("image:psnr:0.5", "psnr", 0.5),
        ("bpp:2.5%", None, 2.5), ("bytes", None, 0.0), ("decoded", None, 0.0),
    ],
)  # fmt: skip
def test_rules_are_read(text: str, metric: str | None, threshold: float) -> None:
    (rule,) = parse_rules([text, text])
    assert (rule.kind, rule.metric, rule.threshold) == (text.split(":")[0], metric, threshold)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bd-rat:psnr:1%", "did you mean 'bd-rate'"),
        ("bd-rate:psrn:1%", "no metric 'psrn' (did you mean 'psnr'"),
        ("bd-rate:1%", "a metric and a threshold"),
        ("bd-rate:psnr:1", "in percent, as in 1%"),
        ("bd-rate:psnr:1dB", "in percent"),
        ("bd-rate:psnr:-1%", "isn't a threshold above 0"),
        ("bd-rate:psnr:0%", "isn't a threshold above 0"),
        ("bd-rate:psnr:nan%", "isn't a threshold above 0"),
        ("bd-rate:psnr:much", "isn't a threshold above 0"),
        ("bd-metric:psnr:5%", "a number of dB"),
        ("bpp:psnr:1%", "bpp takes a threshold"),
        ("image:0.5", "a metric and a threshold"),
        ("image:psnr:5%", "a number of dB"),
        ("bytes:1%", "bytes takes nothing"),
        ("encode_s:10%", "there is no rule 'encode_s'"),
        ("", "there is no rule ''"),
    ],
)
def test_malformed_rules_are_one_sentence_that_lists_what_works(text: str, said: str) -> None:
    with pytest.raises(BenchError) as error:
        parse_rules(["bpp:1%", text])
    sentence = str(error.value)
    assert said in sentence and "\n" not in sentence
    assert "bd-rate:METRIC:1%, bd-metric:METRIC:0.05" in sentence and "ms_ssim" in sentence
