"""Delegation: who may act for whom, in what, until when."""
