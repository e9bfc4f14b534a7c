"""How often one model's answers are preferred to another's."""
