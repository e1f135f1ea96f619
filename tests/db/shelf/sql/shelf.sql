-- Reports about shelves.

-- name: by_room(least: int = 0) -> list[Count]
-- How many shelves and books each room has.
-- Rooms without a shelf are not told.
SELECT room, count(*) AS shelves, sum(books) AS books
FROM shelf_shelf
WHERE books >= :least
GROUP BY room ORDER BY room;

-- name: room(name: str) -> Count
SELECT sum(books) AS books, room, count(*) AS shelves FROM shelf_shelf
WHERE room = :name GROUP BY room

-- name: room_if_any(name: str) -> Count | None
SELECT count(*) AS shelves, room, sum(books) AS books FROM shelf_shelf
WHERE room = :name GROUP BY room

-- name: how_many() -> int
SELECT count(*) FROM shelf_shelf

-- name: longest() -> str | None
SELECT name FROM shelf_shelf ORDER BY length(name) DESC, name LIMIT 1

-- name: names(part: str) -> list[str]
SELECT name FROM shelf_shelf WHERE name LIKE '%' || :part || '%' ORDER BY name

-- name: each(least: int) -> Iterator[Count]
SELECT room, 1 AS shelves, books FROM shelf_shelf WHERE books >= :least ORDER BY books

-- name: each_name() -> Iterator[str]
SELECT name FROM shelf_shelf ORDER BY name

-- name: move(room: str, to: str, *, most: int = 1000) -> rowcount
UPDATE shelf_shelf SET room = :to WHERE room = :room AND books <= :most

-- name: shelves(names: str) -> list[Shelf]
SELECT id, name, room, books, books + 1 AS next FROM shelf_shelf WHERE name = :names

-- name: shelf(name: str) -> Shelf | None
SELECT * FROM shelf_shelf WHERE name = :name

-- name: each_shelf() -> Iterator[Shelf]
SELECT * FROM shelf_shelf ORDER BY books

-- name: values_of(number: int) -> Values
SELECT key, price, moment, day, hour, took, flag, data, number FROM shelf_every
WHERE number = :number

-- name: said(text: str) -> list[str]
-- ':text' in a text, "in :names", /* in :comments */ and :: in casts are no placeholders
SELECT ':text %s 100%' /* :nobody */ FROM shelf_shelf WHERE name = :text -- :nor here

-- name: between(first: datetime, last: datetime) -> list[int | None]
SELECT number FROM shelf_every WHERE moment >= :first AND moment < :last ORDER BY number

-- name: of_kind(key: UUID, day: date, price: Decimal, flag: bool) -> list[int | None]
SELECT number FROM shelf_every
WHERE key = :key AND day = :day AND price = :price AND flag = :flag
