"""A table filled and read by PyMySQL."""

import sys

import pymysql

host, port, user, password, database, text = sys.argv[1:]
with (
    pymysql.connect(
        host=host, port=int(port), user=user, password=password, database=database
    ) as connection,
    connection.cursor() as cursor,
):
    cursor.execute("CREATE TEMPORARY TABLE book (title text)")
    cursor.execute("INSERT INTO book VALUES (%s)", (text,))
    cursor.execute("SELECT title FROM book")
    print(cursor.fetchone()[0])
