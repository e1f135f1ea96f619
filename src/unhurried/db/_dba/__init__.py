"""What a DBA would ask of PostgreSQL, asked in one go, with the answer in Django's terms."""
