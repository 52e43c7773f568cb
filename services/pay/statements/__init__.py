"""The bank's statement of a day against what it told before (camt.053 against camt.054 and notices)."""
