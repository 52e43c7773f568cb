"""What a person may ask of whoever holds data about them (PDPA 2562 s.30-s.34), and what is kept for how long ."""
