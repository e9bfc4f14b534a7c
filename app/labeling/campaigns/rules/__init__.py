"""What stays true without web and database: the labels, the ranking, the campaign's bounds."""
