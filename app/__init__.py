"""Prefloop, the web application.

``WINGS`` lists the wings in the order in which they may lean on one another: a wing may import those before it, never
those after it. Below them is what all share (``web``, ``judgements``, ``models`` …), above them are the doors.
"""

WINGS = ("people", "material", "labeling", "quality", "training")
