"""What officers of an agency that decides may do with applications. Any agency may give these to its officers."""

from __future__ import annotations

from typing import Final

DECIDE: Final = "apply.decide"
"""Have an application decided again, and open again what a death closed by mistake."""
SUPERVISE: Final = "apply.supervise"
"""Hear of applications whose time ran out; put a colleague's case back into the queue, or into other hands."""
READ: Final = "apply.read"
"""See the queue and the cases, and do nothing about them. Each of the other three may see them as well."""
CHECK: Final = "apply.check"
"""Approve what a colleague proposes, or give it back."""
