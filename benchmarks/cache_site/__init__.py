"""The site whose pages and values are kept: ten tables, and the pages that read them."""
