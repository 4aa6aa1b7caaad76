"""A report as a page: one HTML file that opens from the disk, with every figure that `bench compare` prints.

`build` writes it, from `figures` (the comparisons, as data), `origins` (where each curve comes from),
`looks` (colours) and `pictures` (originals and decoded pictures). `assets/` holds the page itself, as
HTML, CSS and JavaScript.
"""
