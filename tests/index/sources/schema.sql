CREATE TABLE IF NOT EXISTS shop.orders (
  id integer PRIMARY KEY,
  name text
);
CREATE VIEW totals AS SELECT count(*) FROM orders;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION add(a integer, b integer) RETURNS integer AS $$ SELECT a + b; $$ LANGUAGE SQL;
CREATE INDEX orders_name ON shop.orders (name);
