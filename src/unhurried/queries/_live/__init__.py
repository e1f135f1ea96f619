"""What is seen of queries where real people ask for pages."""
