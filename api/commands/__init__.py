"""The commands of `sitthi` that people give."""
