"""A table that grew while nobody looked."""

from django.db import models


class Visit(models.Model):
    """Who came where; what is searched for has no index."""

    who = models.IntegerField()
    page = models.TextField()
    seconds = models.IntegerField()

    class Meta:
        managed = False
        db_table = "planted_visit"

    def __str__(self) -> str:
        return self.page


#: Made by the server itself, in a second.
TABLE = """
CREATE TABLE planted_visit (id bigserial PRIMARY KEY, who int NOT NULL, page text NOT NULL,
                            seconds int NOT NULL);
INSERT INTO planted_visit (who, page, seconds)
SELECT mod(n, 997), '/' || md5(n::text) || '/', mod(n::bigint * 7919, 1000)
FROM generate_series(1, %d) n;
ANALYZE planted_visit;
"""
