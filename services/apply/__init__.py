"""Applications: taken, decided, supplemented, withdrawn, appealed."""
