"""What researchers and labelers see of ongoing work: measures, alerts, and a fair page of feedback."""
