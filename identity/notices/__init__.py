"""What goes out of the house about a message: by e-mail and Web Push, to addresses that were tried first."""
