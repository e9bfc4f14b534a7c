"""The statistics of agreement and of aggregation: arrays in, value objects out, numpy and nothing else.

``resamples`` draws prompts anew, ``estimates`` says what a measure found. ``rankings`` compares rankings with ties;
``labels``, ``alpha`` and ``kappas`` compare ratings and flags. ``davidson``, ``dawid_skene``, ``reliability`` and
``consensus`` find what people say together. ``report`` puts the figures on rankings together.
"""
