"""Energy meters: which registers hold what, how to read them, and what to believe."""
