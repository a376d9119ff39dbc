"""The agent: carries out database and trial orders on a measured host, and stops by itself."""
