"""The Office of Insurance Commission: compulsory motor insurance."""
