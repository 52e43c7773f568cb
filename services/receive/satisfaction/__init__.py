"""How satisfied people are: counted by month, programme and province, and never told so finely that it is one's own."""
