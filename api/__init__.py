"""The edge: builds every room, joins them into one graph, and serves it over HTTP."""
