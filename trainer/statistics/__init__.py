"""The statistics of the product, each formula once: arrays and numbers in, values out; numpy and scipy alone.

No words, no web, no database, no torch: the application and the trainer both read from here. What has no value says why
with a code (``estimates.Undefined``), which whoever speaks to people turns into words. Where to look:

* numbers: ``estimates`` (what a measure found), ``interval`` (Wilson, Hanley & McNeil; no arrays needed), ``student``
  (t, the mean of a sample), ``tails`` (other distributions, Holm, the interval of a median), ``arrays``;
* data that hang together: ``bootstrap`` (draws of clusters and every measure that is a function of sums), ``medians``
  (under these draws), ``clusters`` (shares and means without draws), ``correlation`` (within clusters);
* labels: ``labels`` (raw and positive agreement), ``kappa`` (Fleiss, Conger, Cohen, Brennan–Prediger, AC1, AC2),
  ``alpha`` (Krippendorff), ``crowd`` (Dawid & Skene);
* rankings: ``weak_orders``, ``rankings`` (pairs side by side), ``ranking_agreement`` (conventions for ties, τ-b),
  ``wmt`` (as the shared tasks count), ``paired`` (Davidson, Bradley–Terry), ``reliability`` (Davidson with people in
  it), ``consensus`` and ``aggregation`` (what people say together);
* scores: ``area`` (ROC, precision–recall), ``calibration``, ``change`` (CUSUM).
"""
