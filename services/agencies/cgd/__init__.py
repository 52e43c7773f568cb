"""The Comptroller General's Department: who holds a state welfare card."""
