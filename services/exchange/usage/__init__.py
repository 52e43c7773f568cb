"""How much each agency asked: kept by day, published by month, and never so finely that it tells of a few people."""
