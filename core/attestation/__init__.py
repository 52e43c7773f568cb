"""What Sitthi says under its own signature, so that others can check it years later, and without asking us."""
