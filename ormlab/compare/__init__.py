"""``ormlab compare A B``: from names on a command line to a sealed comparison.

spec    one subject as it is written: service, version or local source, settings
apart   subjects of one name, told apart by their folders
stacks  locks what the subjects ask for beyond the shipped stacks
source  a local checkout or wheel as a wheel whose bytes are sealed
plan    the plan of the comparison: as many blocks as the time allows
live    the interval after each block
course  the run, from the request to the sealed bundle
limit   a slowdown above which a comparison counts as failed
words   what a comparison found, in one sentence
comment a comparison as a comment on a pull request
github  the pull request, and the comment on it, by GitHub's REST API
"""
