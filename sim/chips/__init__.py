"""Models of the chips on a board's buses, decoded from what the firmware sends them."""
