"""Prefloop, the web application.

``ROOMS`` lists the rooms in the order in which they may lean on one another: a room may import
those before it, never those after it.
"""

ROOMS = (
    *("worklog", "quality", "costs", "snapshots", "registry", "evaluations", "integrity", "runs", "scoring", "api"),
    *("worklog", "quality", "costs", "snapshots", "registry", "evaluations", "runs", "scoring", "api"),
)
