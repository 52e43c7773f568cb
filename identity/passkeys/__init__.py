"""Passkeys: sign-in and step-up with a key that cannot be phished (WebAuthn)."""
