"""Screening applicants: invitations, forms drawn by seed, blind ratings, and decisions by people."""
