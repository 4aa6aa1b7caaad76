"""The commands of `bench`, a file for each group; `bench.cli` puts them together."""
