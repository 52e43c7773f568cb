"""Receiving: the receipt of each payment, its public verification, the citizen's word that the money came."""
