-- name: inventory(since: date) -> list[InventoryRow]
-- Each publisher's books since a day, what they are worth (three cents a page), and whose are
-- worth most.
WITH pairs AS (
    SELECT
        publisher_id,
        author_id,
        COUNT(*) AS titles,
        SUM(stock) AS copies,
        SUM(3 * pages * stock) AS cents
    FROM books_book
    WHERE published >= :since
    GROUP BY publisher_id, author_id
), ranked AS (
    SELECT
        pairs.*,
        ROW_NUMBER() OVER (PARTITION BY publisher_id ORDER BY cents DESC, author_id) AS place
    FROM pairs
)
SELECT
    publisher.name AS publisher,
    publisher.city AS city,
    CAST(SUM(ranked.titles) AS bigint) AS titles,
    CAST(SUM(ranked.copies) AS bigint) AS stock,
    CAST(SUM(ranked.cents) AS bigint) AS value,
    MAX(CASE WHEN ranked.place = 1 THEN author.name END) AS author
FROM ranked
JOIN books_publisher publisher ON publisher.id = ranked.publisher_id
JOIN books_author author ON author.id = ranked.author_id
GROUP BY publisher.id, publisher.name, publisher.city
ORDER BY value DESC, publisher.id;
