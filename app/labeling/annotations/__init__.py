"""Campaigns, tasks, leases, drafts; the instruments: rating, flags, ranking, demonstration."""
