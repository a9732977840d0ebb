"""The database as daemons and commands see it: connections, statements, errors by their code."""
