"""The onboarding of a customer, a workflow: begun by their first delivered order, it waits for time and for them.

`machine` is the definition, `effects` what it does to the world, `start` how an order begins it.
"""
