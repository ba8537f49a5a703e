"""The demo: 200 sample orders, placed and driven over HTTP by simulated people, on real servers and workers.

`python -m project.demo` serves the site when the orders are done, until Ctrl-C; with `--once` it ends there.
"""
