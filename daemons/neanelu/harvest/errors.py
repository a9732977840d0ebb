"""What a fetch can end in (docs/errors.md, NG030 to NG043)."""

from __future__ import annotations

from neanelu.db.errors import NeaneluError


class FetchError(NeaneluError):
    """A page was not fetched.

    Attributes:
        may_pass: whether to try again later.
        is_refusal: the whole site wants to be left alone for a while.
        retry_after: for how long, seconds, when it said so.
    """

    default_code = "NG040"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        may_pass: bool = False,
        is_refusal: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.may_pass = may_pass
        self.is_refusal = is_refusal
        self.retry_after = retry_after
