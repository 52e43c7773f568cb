"""The Social Security Office as a plugin."""
