"""What can go wrong between us and a provider of models."""

from __future__ import annotations

from neanelu.db.errors import ENVIRONMENT, NeaneluError


class ProviderError(NeaneluError):
    """The provider's answer is no answer to the question."""

    default_code = "NT022"


class KeyRefused(ProviderError):
    """The provider refuses the key, or there is none."""

    default_code = "NT020"
    exit_code = ENVIRONMENT


class ProviderUnreachable(ProviderError):
    """The provider did not answer after several tries; whether it did what was asked is not known."""

    default_code = "NT021"
    exit_code = ENVIRONMENT
    retryable = True


class ProviderBusy(ProviderError):
    """The provider limits our rate for longer than we wait.

    Attributes:
        pause: seconds that the provider asks to wait, if it said so.
    """

    default_code = "NT024"
    retryable = True

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class RequestRefused(ProviderError):
    """The provider refuses the request as it is: asking again is of no use.

    Attributes:
        status: HTTP status.
        reason: the provider's code, for instance `model_not_found`.
    """

    default_code = "NT023"

    def __init__(self, message: str, status: int, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
