"""What of the report on people's work is a rule: what is measured, its bounds and alerts.

``work`` is what a labeler did; ``conduct``, ``peers`` and ``drift`` measure it, ``findings`` tests it against bounds,
and ``ongoing`` raises alerts. ``bounds`` says which bounds hold, and when an alert is reopened. The formulas are in
``trainer.statistics``.
"""
