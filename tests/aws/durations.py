"""How long AWS takes for what it does by and by, in proportion, and at what scale the emulator follows.

AWS documents no times. These are what public logs of infrastructure tools commonly show for an account without trouble.
"""

# Seconds on AWS.
SECONDS = {
    "nat-gateway-pending": 100,
    "nat-gateway-deleting": 60,
    "interface-endpoint-pending": 70,
    "interface-endpoint-deleting": 50,
    "role-not-assumable": 12,
}

# What part of it passes here; `emulator.py --time-scale`.
SCALE = 1 / 200


def of(what: str) -> float:
    """Seconds that it takes here."""
    return SECONDS[what] * SCALE
