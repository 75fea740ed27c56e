"""Requests whose date is off. AWS refuses them before it looks at what they ask for; each protocol has its own words."""

import time
from datetime import UTC, datetime

import strict
from catalogue import Entry
from wire import Answer, Call, error_answer

NAME = "clock-skew"
# Seconds (General Reference, "Signature Version 4", and S3 API Reference, "Error responses").
TOLERANCE, TOLERANCE_OF_S3 = 5 * 60, 15 * 60
FORMAT = "%Y%m%dT%H%M%SZ"


class Clock:
    judged = False


def refusal(call: Call) -> Answer | None:
    """The answer to a request that is too old or comes from the future."""
    try:
        date = datetime.strptime(call.date, FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    ahead = date.timestamp() - time.time()
    tolerance = TOLERANCE_OF_S3 if call.service == "s3" else TOLERANCE
    if not Clock.judged or abs(ahead) <= tolerance:
        return None
    strict.REFUSALS[NAME] += 1
    if call.service == "s3":
        message = "The difference between the request time and the current time is too large."
        return error_answer(call, 403, "RequestTimeTooSkewed", message)
    if call.service == "ec2" and ahead < 0:
        return error_answer(call, 400, "RequestExpired", "Request has expired.")
    now = datetime.now(UTC).strftime(FORMAT)
    if ahead < 0:
        message = f"Signature expired: {call.date} is now earlier than {now} - 5 min."
    else:
        message = f"Signature not yet current: {call.date} is still later than {now} + 5 min."
    if call.service == "ec2":
        return error_answer(call, 401, "AuthFailure", message)
    in_json = call.target or not (call.is_form or call.service == "cloudfront")
    return error_answer(call, 403, "InvalidSignatureException" if in_json else "SignatureDoesNotMatch", message)


def judge() -> None:
    Clock.judged = True


strict.CATALOGUE.add(
    Entry(NAME, "a request's date is at most five minutes off, fifteen for S3", judge, "SignatureDoesNotMatch")
)
