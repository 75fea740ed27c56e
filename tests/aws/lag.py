"""Reads that lag behind writes.

The API References of EC2, ECS, IAM, KMS and Secrets Manager call these services eventually consistent: a read soon after a
write may show what was there before, and a thing that was just made may not show at all. How long is not said; retries of
public infrastructure tools suggest seconds. The tests' own clients read without lag, since they look at what came out.
"""

import time
import xml.etree.ElementTree as ElementTree

import durations
from ec2_operations import NEW_IDS, OWN_IDS
from mends import mend
from wire import Answer, Call, without_items

EVENTUAL = {"ec2", "ecs", "iam", "kms", "secretsmanager"}
# Part of the user agent of clients whose reads do not lag.
OBSERVER = "payment-platform-tests"
# Accounts in which nobody's do, see control.py.
PROMPT: set[str] = set()


class Lag:
    """What was answered and made lately."""

    on = False

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], tuple[float, Answer]] = {}
        self._made: dict[str, float] = {}

    def earlier(self, call: Call, seconds: float) -> Answer | None:
        """What the same read was answered, if that is at most so long ago."""
        at, answer = self._answers.get(call.key, (0.0, None))
        return answer if answer and time.time() - at <= seconds else None

    def lagging(self, call: Call) -> Answer | None:
        """What a caller whose reads lag gets to see instead of what is there now."""
        return self.earlier(call, durations.of("reads-lagging")) if self._lags(call) else None

    def remember(self, call: Call, answer: Answer) -> None:
        self._answers[call.key] = (time.time(), answer)

    def learn(self, call: Call, answer: Answer) -> None:
        """Notes what a call has made."""
        element = NEW_IDS.get(call.operation) if call.service == "ec2" and answer.status == 200 else None
        if element:
            # What is older is not hidden any more, and its token not used again.
            forgotten = time.time() - 600
            self._made = {made: at for made, at in self._made.copy().items() if at > forgotten}
            # A repeated call with the same token makes nothing new.
            for made in ElementTree.fromstring(answer.body).iter():
                if made.tag.endswith(f"}}{element}") or made.tag == element:
                    for text in made.itertext():
                        self._made.setdefault(text.strip(), time.time())

    def without_new(self, call: Call, answer: Answer) -> Answer:
        """An answer of EC2 without what was made too lately to show."""
        own_id = OWN_IDS.get(call.operation) if call.service == "ec2" and answer.status == 200 else None
        if not own_id or not self._lags(call):
            return answer
        since = time.time() - durations.of("reads-lagging")
        hidden = {made for made, at in self._made.copy().items() if at > since}
        return without_items(answer, hidden, own_id) if hidden else answer

    def _lags(self, call: Call) -> bool:
        return Lag.on and call.service in EVENTUAL and OBSERVER not in call.agent and call.account not in PROMPT


@mend("reads-lag", "reads of EC2, ECS, IAM, KMS and Secrets Manager show late what was written")
def reads() -> None:
    """AWS: eventually consistent, see above. moto: every read shows every write. Never goes: no emulator does it."""
    Lag.on = True
