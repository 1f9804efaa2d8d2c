"""Files to other computers by HTTP and FTP, in small pieces. Loaded while one is on its way."""
