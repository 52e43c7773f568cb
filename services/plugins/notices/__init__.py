"""What goes away, told to those who write clients: which names of the graph, since when, and until when they stay.

An agency writes `@deprecated(reason: "…")`. Since when that counts is stamped when the version is published, by our
clock, and a name stays for a year from then at least (docs/adr/0027).
"""
