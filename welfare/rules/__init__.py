"""The rule language of the Welfare Platform: a subset of SQL with three-valued logic, alike for one and millions.

Pure: no database, no clock, no input or output. Polars is imported only by `welfare.rules.polars_code`.
"""

from welfare.rules.attributes import AttributeType, Kind, Plain, Value, Vocabulary
from welfare.rules.codec import from_json, term_from_json, to_json
from welfare.rules.parser import Constant, parse, parse_amount
from welfare.rules.python_code import ARM_UNKNOWN, FALSE, TRUE, UNKNOWN
from welfare.rules.tree import Pred, Term, fact_names

__all__ = [
    "ARM_UNKNOWN", "FALSE", "TRUE", "UNKNOWN",
    "AttributeType", "Constant", "Kind", "Plain", "Pred", "Term", "Value", "Vocabulary",
    "fact_names", "from_json", "parse", "parse_amount", "term_from_json", "to_json",
]  # fmt: skip
