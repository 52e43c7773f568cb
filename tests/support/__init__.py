"""What tests and benchmarks share: servers of their own, databases to clone, a closed network, a browser."""
