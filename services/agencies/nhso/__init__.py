"""The National Health Security Office: the right to health care."""
