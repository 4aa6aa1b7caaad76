"""`bench encode` and `bench decode`: one picture to a file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import SuffixOption, TimeoutOption


def encode(
    picture: Annotated[Path, typer.Argument(help="Picture to encode.")],
    bitstream: Annotated[Path, typer.Argument(help="File to write, as out.ainn.")],
    codec: SuffixOption = None,
    quality: Annotated[float | None, typer.Option(help="By default in the middle of its curve.")] = None,
    timeout: TimeoutOption = 3600,
) -> None:
    """Encode one picture into a file.

    The file has the bitstream and nothing else.
    """
    from bench.run import one_picture

    print(one_picture.encode(picture, bitstream, codec, quality, timeout))


def decode(
    bitstream: Annotated[Path, typer.Argument(help="File that `bench encode` wrote.")],
    picture: Annotated[Path, typer.Argument(help="PNG to write.")],
    codec: SuffixOption = None,
    timeout: TimeoutOption = 3600,
) -> None:
    """Decode a file into a picture."""
    from bench.run import one_picture

    print(one_picture.decode(bitstream, picture, codec, timeout))
