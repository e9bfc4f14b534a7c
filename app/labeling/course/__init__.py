"""The onboarding course: pages to read, items to practise on, and questions, before a campaign opens to somebody."""
