"""What can go wrong with Shopify, with the codes of docs/errors.md."""

from __future__ import annotations

from neanelu.db.errors import ENVIRONMENT, NeaneluError


class ShopifyError(NeaneluError):
    """Shopify answered with something that is no answer to the question."""

    default_code = "NS022"


class ShopifyUnreachable(ShopifyError):
    """No answer, or only server errors, after several tries."""

    default_code = "NS021"
    exit_code = ENVIRONMENT
    retryable = True


class ShopifyRefused(ShopifyError):
    """The token is not accepted, or has not the scope that the query needs."""

    default_code = "NS020"
    exit_code = ENVIRONMENT


class TokenRefused(ShopifyRefused):
    """The token is not accepted at all (HTTP 401): the app was uninstalled, or the token is another's."""


class ShopifyThrottled(ShopifyError):
    """The shop's budget of query cost stayed empty for too long."""

    default_code = "NS024"
    retryable = True


class CostExceeded(ShopifyError):
    """One query costs more than Shopify ever allows: trying again is of no use."""

    default_code = "NS023"


class OperationInProgress(ShopifyError):
    """All bulk operation slots of the shop are taken; `gids` are the operations that Shopify named."""

    default_code = "NS025"
    retryable = True

    def __init__(self, message: str, gids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.gids = gids


class OperationRefused(ShopifyError):
    """Shopify does not run this bulk query."""

    default_code = "NS026"


class OperationLost(ShopifyError):
    """The bulk operation expired, or ended without data: a new one must be asked for."""

    default_code = "NS032"
    retryable = True


class DownloadFailed(ShopifyError):
    """The result file could not be fetched after several tries."""

    default_code = "NS040"
    retryable = True


class FileChanged(ShopifyError):
    """The result file is not the one whose beginning was fetched."""

    default_code = "NS041"
    retryable = True
