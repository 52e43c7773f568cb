"""ISO 20022 as a bank speaks it: pain.001.001.09 written; pain.002.001.10 and camt.054.001.08 read.

Only what is used of each message is written or looked at; what is looked at is checked. A file that does not hold is
refused whole, with the line and the element; its content never reaches the error.
"""
