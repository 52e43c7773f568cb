"""Applications that are accepted first and decided soon after: durable before the answer, by group commit.

docs/adr/0043 says what is checked before and what is told later.
"""
