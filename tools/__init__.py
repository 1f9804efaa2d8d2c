"""Programs of the build: the flash image, the checks, the way onto a board."""
