"""A table filled and read by pg8000."""

import sys

import pg8000.dbapi

host, port, user, password, database, text = sys.argv[1:]
connection = pg8000.dbapi.connect(user, host, database, int(port), password)
cursor = connection.cursor()
cursor.execute("CREATE TEMPORARY TABLE book (title text)")
cursor.execute("INSERT INTO book VALUES (%s)", (text,))
cursor.execute("SELECT title FROM book")
print(cursor.fetchone()[0])
connection.close()
