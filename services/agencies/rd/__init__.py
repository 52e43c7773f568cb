"""The Revenue Department: income as assessed."""
