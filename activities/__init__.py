"""What workflows do to the outside world: thin methods that load, call, map, record and return."""
