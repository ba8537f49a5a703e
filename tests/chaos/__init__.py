"""Chaos: real processes, a seeded monkey that kills them, and a checker that proves that nothing was lost or doubled.

`python -m tests.chaos --seconds 60 --seed 1`. `app` runs inside the processes that are killed; `clients` is the load;
`monkey` strikes; `checker` reads the tables and the ledger, and imports nothing of the engine.
"""
