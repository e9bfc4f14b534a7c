"""Reading what people wrote before it is used: accepted, sent back or rejected, with a reason."""
