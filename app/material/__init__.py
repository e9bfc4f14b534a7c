"""What people judge and by which rules: prompts, answers, scenarios, labels, guidelines, and files of them."""
