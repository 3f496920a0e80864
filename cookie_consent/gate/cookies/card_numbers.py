"""Find payment-card numbers (ISO/IEC 7812-1), which no cookie may carry."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

__all__ = ["ISSUERS", "has_card_number"]

_GROUPS = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_SHORTEST, _LONGEST = 13, 19
ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12,15}"  # Discover
    r"|(?:62|81)[0-9]{14,17}"  # UnionPay
    r"|(?:50|5[6-9]|6[0137])[0-9]{14,17}"  # Maestro
)
"""The number ranges of the card schemes. The Luhn check alone would match every tenth number by chance."""


def has_card_number(value: str) -> bool:
    """Return whether ``value``, raw or percent-decoded, contains a card number. Its digits may be grouped."""
    return _holds(value) or ("%" in value and _holds(unquote_plus(value)))


def _holds(value: str) -> bool:
    return any(_any_card(re.split("[ -]", match[0])) for match in _GROUPS.finditer(value))


def _any_card(groups: list[str]) -> bool:
    # A number may be spread over several groups, with other digits before and after it.
    for at in range(len(groups)):
        digits = ""
        for group in groups[at : at + _LONGEST]:
            digits += group
            if len(digits) > _LONGEST:
                break
            if len(digits) >= _SHORTEST and ISSUERS.fullmatch(digits) and _luhn(digits):
                return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for at, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if at % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
