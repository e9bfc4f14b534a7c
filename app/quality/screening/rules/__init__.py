"""How a screening is planned and drawn, and the scores of an applicant."""
