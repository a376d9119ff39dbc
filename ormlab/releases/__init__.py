"""``ormlab releases``: from what a package index has to what each new release changed.

index    the releases of a package, as an index answers
seen     the releases that the archive has
choice   the releases that are due, and the release that each is compared with
plan     the plan of one such comparison
changes  what a bundle says of it
course   from the request to the archived bundles
"""
