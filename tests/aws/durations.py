"""How long AWS takes for what it does by and by, in proportion, and at what scale the emulator follows.

AWS documents no times. These are what public logs of infrastructure tools commonly show for an account without trouble.
"""

# Seconds on AWS.
SECONDS = {
    "nat-gateway-pending": 100,
    "nat-gateway-deleting": 60,
    "interface-endpoint-pending": 70,
    "interface-endpoint-deleting": 50,
    "load-balancer-provisioning": 120,
    "load-balancer-deleting": 60,
    "role-not-assumable": 12,
    "identity-not-known": 10,
    "principal-not-known": 10,
    "web-acl-propagating": 20,
    "db-cluster-creating": 60,
    "db-cluster-deleting": 90,
    "db-instance-creating": 420,
    "db-instance-modifying": 300,
    "db-instance-deleting": 240,
    "db-instance-rebooting": 60,
    "db-instance-stopping": 180,
    "db-instance-password": 40,
    "db-log-exports": 60,
    "ecs-deployment": 180,
    "ecs-task-starting": 60,
    "ecs-service-draining": 60,
    "distribution-deploying": 300,
    "reads-lagging": 3,
    "tag-index-lagging": 30,
}

# Seconds here at least, where a client must be able to see the state before it passes.
LEAST = {"role-not-assumable": 0.2, "identity-not-known": 0.2, "principal-not-known": 0.2, "reads-lagging": 0.1, "tag-index-lagging": 1.0}

# What part of it passes here; `emulator.py --time-scale`.
SCALE = 1 / 400


def of(what: str) -> float:
    """Seconds that it takes here."""
    return max(SECONDS[what] * SCALE, LEAST.get(what, 0.0) if SCALE else 0.0)
