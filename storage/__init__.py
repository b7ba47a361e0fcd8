"""PostgreSQL: the tables, the transaction, and one file of queries per thing."""
