"""What a daemon shows of itself: its log, its figures for Prometheus, its health over HTTP."""
