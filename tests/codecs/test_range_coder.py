"""CompressAI's range coder, loaded without CompressAI; each script runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
from bench.codecs import range_coder
tables = [[0, 100, 60000, 65536]], [4], [-1]
symbols = [-1, 0, 0, 77, -3000, 0]
def code(encoder, decoder):
    encoder.encode_with_indexes(symbols, [0] * 6, *tables)
    stream = encoder.flush()
    decoder.set_stream(stream)
    assert decoder.decode_stream([0] * 6, *tables) == symbols
    return stream
"""
IMPORT = """
from bench.codecs.compressai_import import compressai
compressai()
"""
SAME = """
import compressai.ans
import compressai._CXX
from compressai import ans
assert ans is compressai.ans
theirs = code(ans.BufferedRansEncoder(), ans.RansDecoder())
assert theirs == code(range_coder.encoder(), range_coder.decoder())
assert type(range_coder.encoder()) is ans.BufferedRansEncoder
pmf = [0.5, 0.3, 0.2 - 1e-9, 1e-9]
assert compressai._CXX.pmf_to_quantized_cdf(pmf, 16) == range_coder.quantized_cdf(pmf)
"""


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_coding_imports_neither_compressai_nor_torch() -> None:
    script = (
        "import sys\ncode(range_coder.encoder(), range_coder.decoder())\nrange_coder.quantized_cdf([1, 0])\n"
    )
    script += "print(sorted({name.partition('.')[0] for name in sys.modules} & {'compressai', 'torch'}))"
    assert run(CODE + script).strip() == "[]"


@pytest.mark.parametrize("order", ["before", "after", "between"])
def test_it_is_that_of_compressai_whichever_is_imported_first(order: str) -> None:
    first = "code(range_coder.encoder(), range_coder.decoder())\n"
    parts = {
        "before": (CODE, first, "range_coder.quantized_cdf([1, 0])\n", IMPORT, SAME),
        "after": (IMPORT, CODE, first, SAME),
        "between": (CODE, first, IMPORT, SAME),  # the other extension is loaded with the package
    }[order]
    run("".join(parts))


def test_without_compressai_it_says_what_is_missing() -> None:
    script = "import sys\nsys.modules['compressai'] = None\n"
    script += "from bench.codecs import range_coder\n"
    script += "try:\n    range_coder.encoder()\nexcept ImportError as error:\n    print(error)\n"
    assert "compressai" in run(script)
