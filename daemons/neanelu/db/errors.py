"""What the database refuses, as Python exceptions: found by SQLSTATE and by constraint, never by message.

The registry of codes is docs/errors.md. Every exception says how a command ends (`exit_code`) and whether the
same call may pass later (`retryable`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

#: Exit codes of commands.
FAILED, USAGE, ENVIRONMENT = 1, 2, 3


class NeaneluError(Exception):
    """Something went wrong that we have a code for.

    Attributes:
        code: SQLSTATE, or reason code of docs/errors.md.
        message: one sentence, without secrets.
        hint: what to do about it, or None.
        detail: more of what is known, or None.
        constraint: name of the constraint that refused, or None.
        exit_code: how a command ends: 1 the work failed, 2 a wrong call, 3 the environment is not ready.
        retryable: whether the same call may pass when it is made again later.
    """

    default_code: str = "N0000"
    exit_code: int = FAILED
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        detail: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.detail = detail
        self.constraint = constraint

    def __str__(self) -> str:
        """Return the message with its code."""
        return f"{self.message} ({self.code})"


class DatabaseError(NeaneluError):
    """The database refused for a reason that has no exception of its own."""


class DatabaseUnavailable(NeaneluError):
    """No connection, or it broke, or the server is stopping or starting."""

    default_code = "08006"
    exit_code = ENVIRONMENT
    retryable = True


class NotDeployed(NeaneluError):
    """The schema is not there, or older than this program."""

    exit_code = ENVIRONMENT


class AccessDenied(NeaneluError):
    """The login may not do this, or not for this shop."""

    exit_code = ENVIRONMENT


class TryAgain(NeaneluError):
    """A deadlock, a serialisation failure, a lock not free in time, or too few resources just now."""

    retryable = True


class InvalidInput(NeaneluError):
    """A value that was given does not fit."""

    exit_code = USAGE


class NotFound(NeaneluError):
    """There is no such shop, run or resource."""

    exit_code = USAGE


class ShopNotInstalled(NeaneluError):
    """The shop uninstalled the app, so it has no token and takes no runs."""

    default_code = "NS002"


class NeedsAuthorization(NeaneluError):
    """Shopify refused to renew the shop's token: a person must authorise the app again."""

    default_code = "NH007"
    exit_code = ENVIRONMENT


class ShopIdTaken(NeaneluError):
    """The domain was registered by somebody else meanwhile: seal again for the id that it has."""

    default_code = "NH003"
    retryable = True


class RotationBusy(NeaneluError):
    """A rotation of keys is in progress already, or is not any more."""

    default_code = "NK011"


class KeyReplaced(NeaneluError):
    """A secret was sealed with a key that a rotation has replaced: passes once this process has the new key."""

    default_code = "NK012"
    exit_code = ENVIRONMENT
    retryable = True


class CostTooHigh(NeaneluError):
    """One request costs more points than the shop's bucket holds: waiting does not help."""

    default_code = "NB001"


class RunActive(NeaneluError):
    """Another kind of run of the same resource is waiting or running."""

    default_code = "NS003"


class RunEnded(NeaneluError):
    """The run has ended already, or cannot be repeated."""


class LeaseLost(NeaneluError):
    """Another daemon has the run or job, or it was cancelled: drop what you hold of it."""

    default_code = "NS005"


class JobElsewhere(NeaneluError):
    """The job is in a state in which this cannot be done with it."""

    default_code = "NJ009"


class ComparisonOver(NeaneluError):
    """Another comparison of the same resource took the place of this one."""

    default_code = "NW021"


class ItemTaken(NeaneluError):
    """Somebody else looks at the item just now."""

    default_code = "NQ005"
    retryable = True


class BudgetSpent(NeaneluError):
    """The month's budget of a provider of models does not suffice."""

    default_code = "NT002"


class RunFailed(NeaneluError):
    """The run cannot go on as it is."""


class OperationFailed(RunFailed):
    """Shopify's bulk operation failed, was lost or expired."""

    retryable = True


class DownloadFailed(RunFailed):
    """The result file could not be fetched, or changed while it was."""

    retryable = True


class Incomplete(RunFailed):
    """What came is not what Shopify announced."""

    default_code = "NS042"
    retryable = True


class LoadLost(RunFailed):
    """The loaded or staged rows are gone (the server restarted): load again."""

    default_code = "NS051"
    retryable = True


class TooManyErrors(RunFailed):
    """More lines are quarantined than the limit allows."""

    default_code = "NS061"


class NotReconciled(RunFailed):
    """The lines do not add up, so nothing was merged."""

    default_code = "NS062"


class MassDelete(RunFailed):
    """The snapshot would mark most of a table as deleted."""

    default_code = "NS063"


#: Full codes first, then classes of two characters.
_BY_CODE: Final[dict[str, type[NeaneluError]]] = {
    "NA001": AccessDenied,
    "NA002": AccessDenied,
    "NA003": NotFound,
    "NH001": InvalidInput,
    "NH002": NotFound,
    "NH003": ShopIdTaken,
    "NH004": InvalidInput,
    "NH005": InvalidInput,
    "NH006": ShopNotInstalled,
    "NH007": NeedsAuthorization,
    "NH010": InvalidInput,
    "NK011": RotationBusy,
    "NK012": KeyReplaced,
    "NK013": InvalidInput,
    "NK014": RotationBusy,
    "NF001": InvalidInput,
    "NF002": InvalidInput,
    "NF003": NotFound,
    "NF004": InvalidInput,
    "NB001": CostTooHigh,
    "NB002": InvalidInput,
    "NI002": NotFound,
    "NI003": InvalidInput,
    "NI004": InvalidInput,
    "NI005": InvalidInput,
    "NI006": InvalidInput,
    "NI007": NotFound,
    "NI008": InvalidInput,
    "NI009": InvalidInput,
    "NJ001": LeaseLost,
    "NJ002": InvalidInput,
    "NJ003": InvalidInput,
    "NJ004": InvalidInput,
    "NJ005": NotFound,
    "NJ006": InvalidInput,
    "NJ007": InvalidInput,
    "NJ008": NotFound,
    "NJ009": JobElsewhere,
    "NP001": InvalidInput,
    "NP002": InvalidInput,
    "NP003": NotFound,
    "NW010": InvalidInput,
    "NW011": InvalidInput,
    "NW020": InvalidInput,
    "NW021": ComparisonOver,
    "NS001": NotFound,
    "NS002": ShopNotInstalled,
    "NS003": RunActive,
    "NS004": NotFound,
    "NS005": LeaseLost,
    "NS006": RunEnded,
    "NS007": RunEnded,
    "NS030": OperationFailed,
    "NS031": OperationFailed,
    "NS032": OperationFailed,
    "NS040": DownloadFailed,
    "NS041": DownloadFailed,
    "NS042": Incomplete,
    "NS051": LoadLost,
    "NS052": LoadLost,
    "NS061": TooManyErrors,
    "NS062": NotReconciled,
    "NS063": MassDelete,
    "NS064": NotReconciled,
    "NJ010": InvalidInput,
    "NJ011": NotFound,
    "NY001": NotFound,
    "NY002": NotFound,
    "NT001": NotFound,
    "NT002": BudgetSpent,
    "NT003": LeaseLost,
    "NT004": NotFound,
    "NT005": RunEnded,
    "NT006": InvalidInput,
    "NT007": InvalidInput,
    "NE001": NotFound,
    "NE002": InvalidInput,
    "NE003": InvalidInput,
    "NE004": InvalidInput,
    "NE005": InvalidInput,
    "NG001": InvalidInput,
    "NG002": NotFound,
    "NG003": InvalidInput,
    "NG004": InvalidInput,
    "NG005": LeaseLost,
    "NG006": NotFound,
    "NG007": InvalidInput,
    "NG008": InvalidInput,
    "NG009": NotFound,
    "NG010": NotFound,
    "NN001": NotFound,
    "NN002": InvalidInput,
    "NN003": NotFound,
    "NN004": InvalidInput,
    "NN005": NotFound,
    "NN006": InvalidInput,
    "NX001": InvalidInput,
    "NX002": InvalidInput,
    "NX003": InvalidInput,
    "NX004": InvalidInput,
    "NX005": InvalidInput,
    "NX006": NotFound,
    "NX007": NotFound,
    "NX008": InvalidInput,
    "NQ001": InvalidInput,
    "NQ002": NotFound,
    "NQ003": NotFound,
    "NQ004": NotFound,
    "NQ005": ItemTaken,
    "NQ006": NotFound,
    "NQ007": InvalidInput,
    "NQ008": NotFound,
    "NQ009": InvalidInput,
    "NQ012": InvalidInput,
    "NQ013": InvalidInput,
    "NQ014": NotFound,
    "NC001": NotFound,
    "NC002": NotFound,
    "NC003": RunEnded,
    "NC004": NotFound,
    "NC005": InvalidInput,
    "NC006": NotFound,
    "NC007": InvalidInput,
    "NC008": InvalidInput,
    "NC009": InvalidInput,
    "NC010": NotFound,
    "NC011": InvalidInput,
    "42501": AccessDenied,
    "42P01": NotDeployed,
    "42883": NotDeployed,
    "42703": NotDeployed,
    "3F000": NotDeployed,
    "3D000": NotDeployed,
    "28000": DatabaseUnavailable,
    "28P01": DatabaseUnavailable,
    "55P03": TryAgain,
    "57014": TryAgain,
    "25P03": DatabaseUnavailable,
    "NS": RunFailed,
    "08": DatabaseUnavailable,
    "57": DatabaseUnavailable,
    "40": TryAgain,
    "53": TryAgain,
    "22": InvalidInput,
}

#: constraint -> exception and what to say instead of PostgreSQL's "violates check constraint".
_BY_CONSTRAINT: Final[dict[str, tuple[type[NeaneluError], str]]] = {
    "bulk_runs_reconciled_check": (NotReconciled, "the lines of the run do not add up"),
    "bulk_counts_reconciled_check": (NotReconciled, "the lines of one kind do not add up"),
    "bulk_runs_one_active_key": (RunActive, "a run of this resource is waiting or running already"),
    "bulk_runs_mode_check": (InvalidInput, "the mode is none of snapshot, incremental, verify"),
    "shops_shopify_domain_check": (InvalidInput, "the domain is not one of a Shopify shop"),
    "shops_api_version_check": (InvalidInput, "the API version is not one of Shopify's (2026-10, unstable)"),
    "shops_currency_code_check": (InvalidInput, "the currency is not a code of three capitals"),
    "shops_plan_tier_check": (InvalidInput, "the plan is none of basic, pro, enterprise"),
    "shops_token_sizes_check": (InvalidInput, "the sealed token has a wrong size"),
    "shops_shopify_shop_id_check": (InvalidInput, "the shop's number at Shopify is not positive"),
    "feature_flags_rollout_percentage_check": (InvalidInput, "a rollout is a percentage from 0 to 100"),
    "prod_sources_type_check": (
        InvalidInput,
        "the type is none of SUPPLIER, MANUFACTURER, SCRAPER, SHOPIFY, MARKETPLACE, MANUAL",
    ),
    "prod_sources_priority_check": (InvalidInput, "a priority is a number from 0 to 100"),
    "prod_sources_trust_check": (InvalidInput, "trust is a number from 0 to 1"),
    "prod_quality_endpoints_url_check": (
        InvalidInput,
        "the address is no http or https URL, or has a user in it",
    ),
    "prod_quality_endpoints_name_check": (
        InvalidInput,
        "a name has small letters, digits and _, and begins with a letter",
    ),
    "idx_shops_shopify_id": (InvalidInput, "another shop has this number at Shopify"),
}

_HINTS: Final[dict[type[NeaneluError], str]] = {
    NotDeployed: "Deploy the schema: neanelu deploy",
    DatabaseUnavailable: "Is the server up? neanelu server start; or look at NEANELU_DATABASE_URL.",
    AccessDenied: "Connect as a role that may: see docs/security.md.",
}


def translate(error: psycopg.Error) -> NeaneluError:
    """Return the exception that stands for a database error, by its constraint, then its SQLSTATE."""
    diagnosis = error.diag
    code = error.sqlstate
    constraint = diagnosis.constraint_name
    message = diagnosis.message_primary or str(error).strip() or type(error).__name__
    if constraint in _BY_CONSTRAINT:
        kind, message = _BY_CONSTRAINT[constraint]
    elif code is not None:
        kind = _BY_CODE.get(code) or _BY_CODE.get(code[:2]) or DatabaseError
    elif isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        kind, code = DatabaseUnavailable, "08006"  # libpq had no answer to take a code from
    else:
        kind = DatabaseError
    # Rows, and so perhaps secrets or personal data, stand in the detail of constraint violations.
    ours = bool(code and code.startswith("N"))
    detail = diagnosis.message_detail if ours else None
    hints = (diagnosis.message_hint, _HINTS.get(kind))
    return kind(
        message,
        code=code,
        hint=next(filter(None, hints if ours else reversed(hints)), None),
        detail=detail or None,
        constraint=constraint,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors raised inside into exceptions of this module; the original is the cause."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error
