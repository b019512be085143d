"""Numbers that carry check digits: whether a run of digits is what it looks like."""

from __future__ import annotations

import re

# First digits and lengths of the card networks (ISO/IEC 7812), in digits.
CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|6(?:011|4[4-9]\d|5\d{2})\d{12}"  # Discover
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
)
# Length of an IBAN by country (ISO 13616, the registry of SWIFT).
IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 "
        "DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 "
        "IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 "
        "MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 "
        "SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}


def is_card(text: str) -> bool:
    """Say whether digits, spaces and hyphens are the number of a payment card.

    Source:
        ISO/IEC 7812-1, annex B: the Luhn check digit.
    """
    digits = re.sub(r"\D", "", text)
    if not CARDS.fullmatch(digits):
        return False
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Say whether a text begins with an IBAN, in groups or in one.

    Source:
        ISO 13616: the length of its country, and 1 modulo 97 (ISO/IEC 7064).
    """
    joined = text.replace(" ", "")
    number = joined[: IBAN_LENGTHS.get(joined[:2], 0)]
    if not number or len(number) < IBAN_LENGTHS[joined[:2]]:
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1
