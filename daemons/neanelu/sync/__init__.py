"""The bulk synchronisation daemon: fetches result files, sends what changed, calls the functions of schema sync."""
