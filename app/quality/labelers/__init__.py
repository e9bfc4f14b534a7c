"""What researchers and labelers see of ongoing work: measures, alarms, and a fair page of feedback."""
