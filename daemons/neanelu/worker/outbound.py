"""Events posted to addresses of others: signed as Standard Webhooks describes, to public addresses only, redirections refused.

Headers: `webhook-id`, the same at each attempt, by which a receiver knows repetitions; `webhook-timestamp`, seconds since 1970;
`webhook-signature`, `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body` with the secret.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx
import orjson

from neanelu import __version__
from neanelu.db.errors import NeaneluError
from neanelu.harvest.errors import FetchError
from neanelu.harvest.transport import GuardedBackend, GuardedTransport, networks
from neanelu.settings import Settings

_PREFIX: Final = "whsec_"
#: What of an answer's body is kept for people.
_ANSWER_BYTES: Final = 300


class Undelivered(NeaneluError):
    """The address did not take an event; the job queue tries again."""

    default_code = "NQ011"
    retryable = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        status: HTTP status, or None when nobody answered.
        error: why it counts as not delivered; None when it was taken (2xx).
    """

    status: int | None
    error: str | None


def new_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes that sign; a secret that is not of the form `whsec_…` signs as it stands."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`."""
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(key_of(secret), content, hashlib.sha256).digest()).decode()


def post(url: str, message_id: str, event: dict[str, Any], secret: str, settings: Settings) -> Answer:
    """Post an event once and say what became of it; never raises for what the other side does.

    Args:
        url: http or https, of a public address or one in `quality_allow_networks`.
        message_id: the event's id.
        event: becomes the JSON body.
        secret: signs.
        settings: limits.
    """
    body = orjson.dumps(event, option=orjson.OPT_SORT_KEYS, default=str)
    timestamp = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": f"neanelu/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
    return asyncio.run(_post(url, body, headers, settings))


async def _post(url: str, body: bytes, headers: dict[str, str], settings: Settings) -> Answer:
    backend = GuardedBackend(networks(settings.quality_allow_networks))
    try:
        async with (
            asyncio.timeout(settings.quality_post_seconds),
            httpx.AsyncClient(
                transport=GuardedTransport(backend), timeout=settings.quality_post_seconds, trust_env=False
            ) as client,
            client.stream("POST", url, content=body, headers=headers, follow_redirects=False) as response,
        ):
            said = b""
            async for part in response.aiter_bytes():
                said += part
                if len(said) >= _ANSWER_BYTES:
                    break
    except FetchError as error:
        return Answer(None, error.message)
    except TimeoutError:
        return Answer(None, f"no answer within {settings.quality_post_seconds:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError, httpcore.ProtocolError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:300])
    except (httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:300])
    if response.is_success:
        return Answer(response.status_code, None)
    text = " ".join(said[:_ANSWER_BYTES].decode("utf-8", "replace").split())
    return Answer(response.status_code, f"answered {response.status_code}: {text}"[:300])
