"""REST: every registered machine that has a policy is an API, and a project's own views turn requests into events.

`include("statemachines.api.urls")` gives the generic endpoints; `domain.DomainView` is what a project's views build on.
Limits: needs the `drf` extra. How users sign in is the host's (its authentication and throttle classes); all else of
the host's REST settings is not used.
"""
