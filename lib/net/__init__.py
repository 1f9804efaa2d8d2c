"""The board's links to the world."""
