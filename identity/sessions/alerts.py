"""What a person is told of sign-ins in their name."""

from __future__ import annotations

from typing import Final

from core.text import Text
from identity.messages import MESSAGES

NEW_DEVICE: Final = MESSAGES["sessions.new-device"]
AT_COUNTER: Final = MESSAGES["sessions.at-counter"]
ALL_ENDED: Final = MESSAGES["sessions.all-ended"]
OTHERS_ENDED: Final = MESSAGES["sessions.others-ended"]
METHODS: Final = {
    "thaid": Text(th=" ThaID ", en="ThaID"),
    "passkey": Text(th="พาสคีย์ ", en="a passkey"),
    "counter": Text(th="ความช่วยเหลือของเจ้าหน้าที่ ", en="an officer's help"),
}
"""Ways in, as people call them."""
