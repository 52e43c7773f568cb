"""What operating services takes: announced maintenance, how well they answer, what is about to end."""
