"""The Department of Land Transport as a plugin."""
