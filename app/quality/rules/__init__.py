"""What of the product's reports is a rule: which figures they have, bounds, alarms, habits of labelers.

``report`` and ``label_report`` put the figures of agreement together, ``screening`` the scores of an applicant.
``work`` is what a labeler did; ``conduct``, ``peers`` and ``drift`` measure it, ``findings`` tests it against bounds,
and ``ongoing`` raises alarms. The formulas are in ``trainer.statistics``.
"""
