"""An order's way from placed to delivered, one event per transaction: the engine beside three ways of writing it.

`python -m project.servers -- python -m benchmarks.hot_path [--quick]`, or `make bench [QUICK=1]`.
Limits: one client process on PostgreSQL; says nothing of workers, timers and effects.
"""
