"""The Department of Children and Youth: the child support grant."""
