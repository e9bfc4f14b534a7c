"""Which figures a report of agreement has, and what it is asked about; the formulas are in ``trainer.statistics``."""
