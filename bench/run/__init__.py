"""Codecs over datasets: which cells, how each is measured, and with what."""
