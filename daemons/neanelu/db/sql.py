"""Every SQL statement that daemons and commands send, in one place. Each only calls a function or copies.

Parameters are named (`%(shop)s`). A heading a user.
"""

from __future__ import annotations

from typing import Final

# --- Shops ------------------------------------------------------------------------------------------------
FIND_SHOP: Final = "SELECT * FROM shops.find(%(shop)s)"
LIST_SHOPS: Final = "SELECT * FROM shops.list(%(installed_only)s)"
RESERVE_SHOP_ID: Final = "SELECT shops.reserve_id(%(domain)s) AS id"
REGISTER_SHOP: Final = """
    SELECT shops.register(
        p_id => %(id)s, p_domain => %(domain)s,
        p_ciphertext => %(ciphertext)s, p_iv => %(iv)s, p_tag => %(tag)s,
        p_key_version => %(key_version)s, p_scopes => %(scopes)s, p_api_version => %(api_version)s,
        p_timezone => %(timezone)s, p_currency_code => %(currency_code)s,
        p_webhook_secret => %(webhook_secret)s,
        p_shopify_shop_id => %(shopify_shop_id)s) AS id"""
SHOP_CREDENTIALS: Final = "SELECT * FROM shops.credentials(%(shop_id)s)"
UNINSTALL_SHOP: Final = "SELECT shops.uninstall(%(shop_id)s) AS cancelled"

# --- Reports and commands ---------------------------------------------------------------------------------
LIST_RUNS: Final = "SELECT * FROM sync.list_runs(%(shop_id)s, %(statuses)s, %(limit)s)"
RUN_DETAILS: Final = "SELECT sync.run_details(%(run_id)s) AS details"
RUN_ERRORS: Final = "SELECT * FROM sync.run_errors(%(run_id)s, %(limit)s, %(after_line)s)"
RETRY_RUN: Final = "SELECT sync.retry_run(%(run_id)s, %(allow_mass_delete)s) AS run_id"
CANCEL_RUN: Final = "SELECT id AS run_id, status FROM sync.cancel_run(%(run_id)s)"
FRESHNESS: Final = "SELECT * FROM sync.freshness(%(shop_id)s)"
ROW_COUNTS: Final = "SELECT * FROM sync.row_counts(%(shop_id)s)"
PARTITION_REPORT: Final = "SELECT * FROM ops.partition_report()"
