"""Where moto's SNS answers differently from AWS. Registered like the mends of mends.py."""

import copy
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from catalogue import around
from mends import mend

# What is only delivered to once somebody there has agreed to it.
TO_CONFIRM = {"email", "email-json", "http", "https"}


@mend("sns-confirmation", "an address gets nothing before somebody there has confirmed it")
def confirmation() -> None:
    """AWS: sends a token to an e-mail address or an HTTP endpoint; until ConfirmSubscription brings it back, Subscribe answers
    "pending confirmation", lists say PendingConfirmation in place of the ARN, and there is nothing to unsubscribe (API
    Reference, Subscribe and ConfirmSubscription). moto: delivers at once, and confirms anything. Here the token is the
    endpoint itself. Goes when a new e-mail subscription is listed as PendingConfirmation."""

    def waits(subscription: Subscription) -> bool:
        return subscription.protocol in TO_CONFIRM and not subscription.confirmed

    @around(SNSResponse, "subscribe")
    def subscribe(original: Callable, response: Any) -> ActionResult:
        topic, endpoint, protocol = (response._get_param(name) for name in ("TopicArn", "Endpoint", "Protocol"))
        answer = original(response)
        found = response.backend._find_subscription(topic, endpoint, protocol)
        return ActionResult({"SubscriptionArn": "pending confirmation"}) if found and waits(found) else answer

    @around(SNSBackend, "list_subscriptions_by_topic")
    def listed(original: Callable, backend: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        subscriptions, token = original(backend, *args, **kwargs)
        return [_pending(one) if waits(one) else one for one in subscriptions], token

    @around(SNSResponse, "confirm_subscription")
    def confirm(original: Callable, response: Any) -> ActionResult:
        original(response)
        topic, token = response._get_param("TopicArn"), response._get_param("Token")
        for one in response.backend.subscriptions.values():
            if one.topic_arn == topic and one.endpoint == token and waits(one):
                one.confirmed = True
                return ActionResult({"SubscriptionArn": one.arn})
        raise SNSInvalidParameter("Invalid parameter: Token")

    @around(SNSBackend, "unsubscribe")
    def unsubscribe(original: Callable, backend: Any, arn: str) -> None:
        if not arn.startswith("arn:"):
            raise SNSInvalidParameter("Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements")
        original(backend, arn)


def _pending(subscription: Subscription) -> Subscription:
    shown = copy.copy(subscription)
    shown.arn = "PendingConfirmation"
    return shown
