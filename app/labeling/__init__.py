"""What people do: tasks and what they submit, reviews, courses, surveys; and imported judgements."""
