"""Prefloop, the web application.

``ROOMS`` lists the rooms in the order in which they may lean on one another: a room may import
those before it, never those after it.
"""

ROOMS = (
    *("people", "judgements", "surveys", "schemas", "prompts", "scenarios", "candidates", "guidelines", "telemetry"),
    *("annotations", "reviews", "worklog", "course", "quality", "gold", "agreement", "consensus", "costs"),
    *("oversight", "screening", "snapshots", "registry", "evaluations", "integrity", "runs", "scoring", "api"),
)
