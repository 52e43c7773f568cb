"""Credentials that agencies issue to citizens: made, offered to wallets, verified, taken back."""
