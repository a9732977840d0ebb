"""Measurements of Neanelu against the limits it sets itself and against peers; see README.md."""
