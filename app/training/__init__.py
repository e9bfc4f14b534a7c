"""From judgements to models: snapshots, the registry, runs, evaluations, scoring."""
