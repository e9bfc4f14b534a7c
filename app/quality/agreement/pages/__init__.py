"""The page of agreement: every figure with its interval, its counts and a picture, or with the reason why not."""
