"""What starts the product on a laptop: ports, supervision, the PostgreSQL of the wheel, the stack itself."""
