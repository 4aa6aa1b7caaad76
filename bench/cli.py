"""The command line. It only wires: a command reads its options, calls a module, prints what comes back.

The commands are in `bench.commands`.
"""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from bench.commands import checking, comparing, listing, measuring, pictures, training
from bench.core.errors import BenchError
from bench.core.openmp import wait_passively

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark image codecs, learned and conventional: rate, distortion, time, Bjontegaard deltas.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from bench import __version__

        print(f"codec-bench {__version__}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """The callback makes the commands subcommands, however few there are."""


app.command("list")(listing.list_command)
for command in (
    measuring.run,
    measuring.worker,
    measuring.score,
    measuring.merge,
    measuring.crosscheck,
    pictures.encode,
    pictures.decode,
    comparing.compare,
    comparing.report,
    comparing.export,
    checking.check,
    checking.conformance,
    training.train,
):
    app.command()(command)


def main() -> None:
    """Entry point of the console script: user errors become one sentence and exit code 2."""
    wait_passively()
    signal.signal(signal.SIGTERM, _interrupt)  # ended by a scheduler, as by Ctrl-C: what is measured is kept
    try:
        app()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
