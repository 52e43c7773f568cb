"""The Department of Local Administration: the register of allowances."""
