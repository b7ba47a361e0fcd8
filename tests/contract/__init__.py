"""What every gateway adapter promises, tried against the sandbox, and the wire of each against stand-ins."""
