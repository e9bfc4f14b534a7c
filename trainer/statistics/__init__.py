"""The statistics of the product, each formula once: arrays and numbers in, values out; numpy and scipy alone.

No words, no web, no database, no torch: the application and the trainer both read from here. What has no value says why
with a code (``undefined``), which whoever speaks to people turns into words. Where to look:

* ``interval``: Wilson's interval of a share, Hanley and McNeil's of an area; ``area``: the areas themselves;
  ``student``: t and the mean of a sample;
  ``tails``: chances of other distributions, Holm's correction, the interval of a median.
"""
