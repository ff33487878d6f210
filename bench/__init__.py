"""Roomline beside other servers, on one machine, in alternating runs.

`python -m bench` measures, `python -m bench limit` measures what this machine can do at all, and
`python -m bench page` writes `docs/reference/benchmarks.md` from the committed results.
"""
