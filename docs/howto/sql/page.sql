-- name: top(least: int, limit: int = 10) -> list[Top]
-- The pages that are read most, with their share of all views.
SELECT title, views, CAST(views AS double precision) / sum(views) OVER () AS share
FROM pages_page
WHERE views >= :least
ORDER BY views DESC
LIMIT :limit;

-- name: views() -> int | None
SELECT sum(views) FROM pages_page;

-- name: reset(title: str) -> rowcount
UPDATE pages_page SET views = 0 WHERE title = :title;
