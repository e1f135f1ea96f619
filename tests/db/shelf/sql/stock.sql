-- What the tests ask of a shop's stock, on SQLite and on PostgreSQL.

-- name: inventory(shop: int, least: int = 0, limit: int = 20) -> list[Line]
-- What a shop has, the most first.
--
-- ``least``: copies that there are to be.
SELECT title, copies -- its :columns, 100 %
FROM shelf_stock
WHERE shop_id = :shop AND copies >= :least AND title <> ':shop'
ORDER BY copies DESC, title
LIMIT :limit;

-- name: line(title: str) -> Line
SELECT copies, title FROM shelf_stock WHERE title = :title;

-- name: maybe(title: str) -> Line | None
SELECT copies, title FROM shelf_stock WHERE title = :title;

-- name: lines() -> Iterator[Line]
SELECT copies, title FROM shelf_stock ORDER BY id;

-- name: whole(title: str) -> Whole
SELECT day, hour, added, took, key, data, price, is_new, sold FROM shelf_stock WHERE title = :title;

-- name: total(shop: int) -> int
SELECT count(*), max(title) FROM shelf_stock WHERE shop_id = :shop

-- name: most(shop: int) -> int | None
SELECT max(copies) FROM shelf_stock WHERE shop_id = :shop

-- name: newest(shop: int) -> datetime | None
SELECT max(added) FROM shelf_stock WHERE shop_id = :shop

-- name: titles(shop: int, is_new: bool | None = None) -> list[str]
SELECT title FROM shelf_stock
WHERE shop_id = :shop AND (CAST(:is_new AS boolean) IS NULL OR is_new = :is_new) ORDER BY title

-- name: since(moment: datetime, /, *, price: Decimal) -> list[str]
SELECT title FROM shelf_stock WHERE added >= :moment AND price >= :price ORDER BY title

-- name: sell(title: str, day: date) -> rowcount
UPDATE shelf_stock SET copies = copies - 1, sold = :day WHERE title = :title AND copies > 0

-- name: sold(title: str) -> list[int]
UPDATE shelf_stock SET copies = copies - 1 WHERE title = :title RETURNING copies

-- name: books(shop: int) -> list[Stock]
SELECT * FROM shelf_stock WHERE shop_id = :shop ORDER BY id

-- name: book(title: str) -> Stock
SELECT id, title FROM shelf_stock WHERE title = :title

-- name: stream(shop: int) -> Iterator[Stock]
SELECT * FROM shelf_stock WHERE shop_id = :shop ORDER BY id

-- name: shelf_of(title: str) -> Shelf | None
SELECT f.* FROM shelf_shelf f JOIN shelf_stock s ON s.shop_id = f.id WHERE s.title = :title
