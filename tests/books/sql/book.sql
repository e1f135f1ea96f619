-- name: inventory(shop: int, least: int = 0) -> list[Copies]
-- What a shop has.
SELECT b.title AS title, s.copies AS copies
FROM books_book b
JOIN books_stock s ON s.book_id = b.id
WHERE s.shop_id = :shop AND s.copies >= :least
ORDER BY b.title;

-- name: sell(shop: int, title: str, copies: int) -> rowcount
UPDATE books_stock
SET copies = copies - :copies
WHERE shop_id = :shop
  AND copies >= :copies
  AND book_id IN (SELECT id FROM books_book WHERE title = :title);
