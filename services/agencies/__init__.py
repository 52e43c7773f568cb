"""One folder for each agency plugin of our own."""
