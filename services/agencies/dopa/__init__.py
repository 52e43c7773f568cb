"""The Department of Provincial Administration: the civil register."""
