"""The Welfare Platform: the rules of the law as data, and who is entitled to what by them."""
