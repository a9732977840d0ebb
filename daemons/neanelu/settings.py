"""Every setting of Neanelu, read from the environment (prefix `NEANELU_`) and from a `.env` file.

One class on purpose: the table in the documentation is made from it, and there is one place to look.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]
Port = Annotated[int, Field(ge=0, le=65535)]


def _default_home() -> Path:
    """Return where a cluster's data live: /var/lib/neanelu for root, else the XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/neanelu")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "neanelu"


def _default_cache_dir() -> Path:
    """Return where the provisioned programs live: /var/cache/neanelu for root, else the XDG cache folder."""
    if os.geteuid() == 0:
        return Path("/var/cache/neanelu")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neanelu"


class Settings(BaseSettings):
    """Settings with their defaults; an invalid value raises pydantic's ValidationError at start."""

    model_config = SettingsConfigDict(
        env_prefix="NEANELU_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
    )

    # --- Platform -----------------------------------------------------------------------------------------
    database_url: str | None = Field(
        default=None,
        description="DSN of a PostgreSQL 18 of your own. When set, nothing is provisioned or started and "
        "every command uses it as it stands. Set it in production.",
    )
    database_password_file: Path | None = Field(
        default=None,
        description="File with the password for database_url, when that has none. For containers' secrets.",
    )
    home: Path = Field(
        default_factory=_default_home,
        description="Folder of the embedded cluster: data, socket, log. Change it to keep several clusters "
        "apart or to use another disk. When root starts the server, server_user must be able to reach it.",
    )
    cache_dir: Path = Field(
        default_factory=_default_cache_dir,
        description="Folder of the provisioned programs (about 300 MB). Change it to share it or to move it.",
    )
    server_user: str = Field(
        default="nobody",
        description="System user that runs the embedded server when root starts it (PostgreSQL refuses root)."
        " Give it a user of its own on a machine where other services run as nobody.",
    )
    debian_mirror: str | None = Field(
        default=None,
        description="Debian mirror to provision from. By default the one that the host's apt uses; set it on "
        "hosts that use a derivative's mirror.",
    )
    debian_suite: str = Field(
        default="forky",
        description="Debian suite that holds PostgreSQL 18.6 or later. Change it together with packages.txt.",
    )
    project_dir: Path | None = Field(
        default=None,
        description="Folder with sqitch.plan. By default found from the package's place, then from the "
        "current folder upwards.",
    )

    # --- Secrets ------------------------------------------------------------------------------------------
    encryption_key: SecretStr | None = Field(
        default=None,
        description="Key that seals access tokens: 32 random bytes in base64 (`openssl rand -base64 32`). "
        "To rotate, give several as `2:NEW,1:OLD`: the highest version seals, all open. In production "
        "set this or encryption_key_file.",
    )
    encryption_key_file: Path | None = Field(
        default=None,
        description="File with what encryption_key would say, one key a line or as above. Without either, "
        "and with the embedded cluster only, a key is made once in encryption.key in the home folder (mode "
        "0600): back it up, tokens cannot be opened without it.",
    )

    encryption_key_command: str | None = Field(
        default=None,
        description="Command that prints what encryption_key_file would contain, for instance an agent of a secret "
        "manager. Runs without a shell; what it prints is never logged. Used when neither of the other two is set.",
    )
    encryption_key_command_seconds: float = Field(
        default=10.0, ge=0.1, le=120.0, description="How long encryption_key_command may take, in seconds."
    )
    encryption_sealing_version: int | None = Field(
        default=None,
        ge=1,
        description="Version of the key that seals; by default the highest. Set it to the old version while a new key is "
        "being given to the daemons one by one, so that none meets a version that it has not.",
    )

    # --- Synchronisation ----------------------------------------------------------------------------------
    shopify_base_url: str = Field(
        default="https://{shop}",
        description="Where a shop answers; {shop} becomes its domain. Change it to talk to the sandbox or through a proxy.",
    )
    sync_spool_dir: Path = Field(
        default_factory=lambda values: Path(values["home"]) / "spool",
        description="Folder for result files while they are fetched and loaded. Give it room for the largest file "
        "(about 5 GB for a million products) times sync_workers.",
    )
    sync_workers: int = Field(
        default=2,
        ge=1,
        le=32,
        description="Runs that one `neanelu sync` works on at a time. More helps while Shopify is what is waited for.",
    )
    sync_lease_seconds: float = Field(
        default=60.0,
        ge=1.0,
        le=3600.0,
        description="Seconds after which another daemon takes over a run whose daemon died. Lower finds death sooner, "
        "higher survives longer network outages.",
    )
    sync_poll_seconds: float = Field(
        default=2.0,
        ge=0.05,
        le=60.0,
        description="First pause between two looks at a bulk operation, in seconds; it grows by half each time.",
    )
    sync_poll_max_seconds: float = Field(
        default=30.0,
        ge=0.05,
        le=600.0,
        description="Longest pause between two looks at a bulk operation, in seconds.",
    )
    sync_idle_seconds: float = Field(
        default=0.5,
        ge=0.05,
        le=60.0,
        description="Pause before looking again when there is no run to work on, in seconds.",
    )
    sync_max_line_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1024,
        le=200 * 1024 * 1024,
        description="Lines longer than this go to quarantine piece by piece, bytes. The daemon's memory grows with it.",
    )
    sync_watch_seconds: float = Field(
        default=300.0,
        ge=1.0,
        le=86400.0,
        description="Pause between two incremental rounds of `sync --watch`, in seconds.",
    )

    # --- Webhooks -----------------------------------------------------------------------------------------
    shopify_client_secret: SecretStr | None = Field(
        default=None,
        description="The app's client secret: signs webhooks and OAuth callbacks. `neanelu webhooks` does not start without it.",
    )
    shopify_client_secret_previous: SecretStr | None = Field(
        default=None,
        description="The client secret before its rotation, accepted beside the new one. Shopify may sign with it for an "
        'hour; take it away when neanelu_webhooks_verified_total{secret="previous"} has stopped growing.',
    )
    shopify_client_id: str | None = Field(
        default=None,
        description="The app's client id. With it and shopify_client_secret, `neanelu webhooks` also installs the app by "
        "OAuth, and tokens that expire are renewed.",
    )
    oauth_address: str | None = Field(
        default=None,
        description="Public https address under which /oauth/start and /oauth/callback are reached, without a slash at its end. "
        "<address>/oauth/callback must be among the app's allowed redirection URLs.",
    )
    oauth_scopes: str = Field(
        default="read_products,read_product_listings,read_publications,read_inventory,read_locations,read_customers,"
        "read_orders,read_metaobjects,read_online_store_navigation",
        description="Scopes that the app asks a shop for, by commas. A shop that grants fewer is not installed.",
    )
    oauth_state_seconds: int = Field(
        default=600,
        ge=30,
        le=3600,
        description="How long a merchant may take to agree, in seconds; then the installation must be begun again.",
    )
    oauth_done_url: str = Field(
        default="https://{shop}/admin/apps/{client_id}",
        description="Where the merchant's browser goes after the installation; {shop} and {client_id} are filled in.",
    )
    token_margin_seconds: float = Field(
        default=900.0,
        ge=10.0,
        le=3000.0,
        description="An access token that ends within this time is renewed before it is used, in seconds.",
    )
    shopify_client_secret_file: Path | None = Field(
        default=None,
        description="File with the client secret, when shopify_client_secret is not set; a second line is the previous one. "
        "For containers' secrets. An empty file is no secret.",
    )
    webhooks_host: str = Field(
        default="127.0.0.1",
        description="Address that `neanelu webhooks` listens on. Behind a proxy that speaks TLS, its inner address.",
    )
    webhooks_port: Port = Field(default=8440, description="Port that `neanelu webhooks` listens on.")
    webhooks_workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes of `neanelu webhooks`. One takes about a thousand deliveries a second; more than cores "
        "helps nothing.",
    )
    webhooks_address: str | None = Field(
        default=None,
        description="Public https address of the receiver, ending in /api/webhooks. `neanelu shop subscribe` registers it.",
    )
    webhooks_max_body_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        le=100 * 1024 * 1024,
        description="Deliveries larger than this are refused (413), bytes.",
    )
    webhooks_linger_ms: float = Field(
        default=5.0,
        ge=0.0,
        le=100.0,
        description="How long a delivery waits for others to share its transaction, in milliseconds. More is cheaper for the "
        "database and later for the sender.",
    )
    webhooks_batch: int = Field(
        default=250, ge=1, le=5000, description="Most deliveries that are stored in one transaction."
    )
    webhooks_connections: int = Field(
        default=2, ge=1, le=16, description="Connections that store deliveries, a process."
    )
    webhooks_queue: int = Field(
        default=4000,
        ge=1,
        le=1_000_000,
        description="Deliveries that may wait for the database in one process (and 64 MB); more are answered with 503.",
    )
    webhooks_deadline_seconds: float = Field(
        default=4.2,
        ge=0.5,
        le=30.0,
        description="After this time a delivery is answered with 503, in seconds. Shopify hangs up after 5.",
    )

    # --- Worker -------------------------------------------------------------------------------------------
    worker_concurrency: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Jobs that one `neanelu worker` does at a time; it has as many connections, twice as many when "
        "handlers need a second one, and six more. How many may run in all and for one shop are settings in the database.",
    )
    worker_queues: str = Field(
        default="",
        description="Queues that `neanelu worker` serves, with commas between them; empty: all. Give long work "
        "a worker of its own when it must not keep webhooks waiting.",
    )
    worker_host: str = Field(
        default="127.0.0.1",
        description="Address of the worker's /health/live, /health/ready and /metrics. They tell numbers and no "
        "contents, and ask for no password: 0.0.0.0 only in a network of your own.",
    )
    worker_port: Port = Field(
        default=9464,
        description="Port of the worker's health and metrics; 0 takes a free one, which the log tells.",
    )
    worker_poll_seconds: float = Field(
        default=1.0,
        ge=0.05,
        le=60.0,
        description="Longest pause before an idle worker looks again, in seconds. Jobs that are announced start at "
        "once; this finds retries whose time has come, and jobs of workers that died.",
    )
    worker_lease_seconds: float | None = Field(
        default=None,
        ge=1.0,
        le=3600.0,
        description="Seconds after which others take over the jobs of a worker that died; by default a minute or more, "
        "by the kind of job. Leases are extended while jobs run. Lower finds death sooner, higher survives "
        "longer network outages.",
    )
    worker_grace_seconds: float = Field(
        default=30.0,
        ge=0.0,
        le=3600.0,
        description="Seconds that jobs under way get to finish after SIGTERM; then they are cancelled and given back.",
    )
    worker_statement_seconds: float = Field(
        default=600.0,
        ge=1.0,
        le=86400.0,
        description="Longest statement of a job, in seconds; a longer one is cancelled, and the job tried again.",
    )
    worker_lock_seconds: float = Field(
        default=10.0,
        ge=0.1,
        le=600.0,
        description="Longest wait of a job for a lock that another holds, in seconds; then it is tried again.",
    )
    worker_log_level: LogLevel = Field(
        default="info",
        description="From which level on the worker logs. info is a line a job; debug tells claims, too.",
    )

    # --- Vectors ------------------------------------------------------------------------------------------
    embeddings_threads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Threads that one process uses to make vectors with the local model.",
    )
    embeddings_batch: int = Field(
        default=128, ge=1, le=2048, description="Texts that are claimed and embedded together."
    )

    # --- Models -------------------------------------------------------------------------------------------
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        description="Where models answer: OpenAI, or any server with its interface (vLLM, Ollama, the sandbox at "
        "http://127.0.0.1:8499/openai/v1).",
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="Key for openai_base_url; servers of your own may need none. Never logged."
    )
    openai_timeout_seconds: float = Field(
        default=60.0,
        ge=1.0,
        le=600.0,
        description="How long one request to a model may take, in seconds. ai_lease_seconds must be longer.",
    )
    ai_provider: str = Field(
        default="openai",
        pattern=r"^[a-z][a-z0-9_.-]{0,19}$",
        description="Name of the provider behind openai_base_url: models, prices and the monthly budget are kept by it.",
    )
    ai_model: str = Field(
        default="gpt-4.1-mini",
        description="Model that reads pages without structured data. `neanelu ai models list` has those with a price.",
    )
    ai_direct_items: int = Field(
        default=0,
        ge=0,
        le=50_000,
        description="Batches of at most so many requests are asked one by one instead: answers at once, at the full price. "
        "50000 for servers without a batch interface.",
    )
    ai_linger_seconds: float = Field(
        default=30.0,
        ge=0.0,
        le=86_400.0,
        description="How long a batch waits for further requests after its first, in seconds.",
    )
    ai_poll_seconds: float = Field(
        default=15.0,
        ge=0.02,
        le=600.0,
        description="First pause between two looks at a batch, in seconds; it grows by half each time.",
    )
    ai_poll_max_seconds: float = Field(
        default=600.0,
        ge=0.02,
        le=3600.0,
        description="Longest pause between two looks at a batch, in seconds.",
    )
    ai_backoff_seconds: float = Field(
        default=60.0,
        ge=0.0,
        le=86_400.0,
        description="Pause before requests that were not executed are asked again, in seconds; four times longer each time.",
    )
    ai_lease_seconds: float = Field(
        default=180.0,
        ge=1.0,
        le=3600.0,
        description="Seconds after which another daemon goes on with a batch whose daemon died. Longer than any request "
        "takes: what the dead one sent last has then arrived, or never will.",
    )
    ai_page_tokens: int = Field(
        default=8000,
        ge=100,
        le=100_000,
        description="Tokens of a page that a model reads; the rest is cut off.",
    )
    ai_answer_tokens: int = Field(
        default=2000, ge=100, le=32_000, description="Tokens that an answer about a page may have."
    )
    ai_host: str = Field(
        default="127.0.0.1",
        description="Address of /health/live, /health/ready and /metrics of `neanelu ai run`.",
    )
    ai_port: Port = Field(
        default=9466,
        description="Port of health and metrics of `neanelu ai run`; 0: a free one.",
    )
    ai_log_level: LogLevel = Field(default="info", description="From which level on `neanelu ai run` logs.")

    # --- Harvest ------------------------------------------------------------------------------------------
    harvest_user_agent: str = Field(
        default="Neanelu/0.1 (product data harvester)",
        description="How `neanelu harvest run` names itself to sites; its first word is what robots.txt has rules for. Put an "
        "address in by which a site's people reach you.",
    )
    harvest_concurrency: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Pages that one `neanelu harvest run` fetches at a time, over all sites. How many of one site, "
        "its source says.",
    )
    harvest_max_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        le=200 * 1024 * 1024,
        description="Pages larger than this are refused, bytes after unpacking. The reader's memory grows with it.",
    )
    harvest_deadline_seconds: float = Field(
        default=60.0,
        ge=0.5,
        le=600.0,
        description="Longest time for one page with its redirections, in seconds.",
    )
    harvest_connect_seconds: float = Field(
        default=10.0,
        ge=0.1,
        le=120.0,
        description="Longest time until a site takes a connection, in seconds.",
    )
    harvest_read_seconds: float = Field(
        default=15.0,
        ge=0.1,
        le=300.0,
        description="Longest silence of a site in the middle of an answer, in seconds.",
    )
    harvest_robots_seconds: float = Field(
        default=86_400.0,
        ge=1.0,
        le=604_800.0,
        description="For how long a site's robots.txt is good, in seconds. A day is what RFC 9309 allows.",
    )
    harvest_readers: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Processes of one harvester that read pages. One reads some hundred pages a second.",
    )
    harvest_reader_seconds: float = Field(
        default=20.0,
        ge=0.5,
        le=300.0,
        description="Longest time for reading one page, in seconds; then its reader is killed.",
    )
    harvest_reader_megabytes: int = Field(
        default=1536,
        ge=256,
        le=65_536,
        description="Address space of a reader, megabytes. A page that needs more is refused.",
    )
    harvest_allow_networks: str = Field(
        default="",
        description="Networks that may be fetched from although they are not public, with commas: 127.0.0.0/8,::1/128 for a "
        "demo, 10.1.2.0/24 for a supplier in your own network. Whoever edits sources can then read what lies there.",
    )
    harvest_proxy_networks: str = Field(
        default="",
        description="Networks in which proxies of scrapers may stand although they are not public, with commas. What is fetched "
        "through them must be public all the same.",
    )
    harvest_host: str = Field(
        default="127.0.0.1",
        description="Address of the harvester's /health/live, /health/ready and /metrics.",
    )
    harvest_port: Port = Field(
        default=9465,
        description="Port of the harvester's health and metrics; 0 takes a free one, which the log tells.",
    )
    harvest_grace_seconds: float = Field(
        default=20.0,
        ge=0.0,
        le=600.0,
        description="Seconds that pages under way get to finish after SIGTERM; then they are given back.",
    )
    harvest_max_record_bytes: int = Field(
        default=1024 * 1024,
        ge=1024,
        le=100 * 1024 * 1024,
        description="Records of feeds longer than this go to quarantine, bytes.",
    )

    # --- Quality and reviews ------------------------------------------------------------------------------
    quality_allow_networks: str = Field(
        default="",
        description="Networks that events of quality may be posted to although they are not public, with commas: "
        "127.0.0.0/8,::1/128 "
        "for a demo, 10.1.2.0/24 for a receiver in your own network.",
    )
    quality_post_seconds: float = Field(
        default=10.0,
        ge=0.5,
        le=60.0,
        description="How long a receiver of events may take to answer, in seconds; then the event is posted again later.",
    )
    reviewer: str | None = Field(
        default=None,
        description="Name under which `neanelu review` decides; by default the name of the system's user.",
    )

    @model_validator(mode="after")
    def _read_client_secret(self) -> Settings:
        """Take the client secret from its file; raises ValueError when that cannot be read."""
        if self.shopify_client_secret is None and self.shopify_client_secret_file is not None:
            try:
                lines = self.shopify_client_secret_file.read_text("utf-8").split()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(
                    f"shopify_client_secret_file cannot be read: {type(error).__name__}"
                ) from None
            if lines:
                self.shopify_client_secret = SecretStr(lines[0])
            if len(lines) > 1 and self.shopify_client_secret_previous is None:
                self.shopify_client_secret_previous = SecretStr(lines[1])
        return self


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings, read once a process; `get_settings.cache_clear()` re-reads them."""
    return Settings()
