"""The controller's web server: its API, its pages and their files."""
