"""How late timers fire, and how fast many that are due at once are done: a real worker and Beat, a real broker.

`python -m project.servers -- python -m benchmarks.timers [--quick]`, or `make bench-timers [QUICK=1]`.
Limits: one worker on this machine, beside the broker, the database and whatever else runs here.
"""
