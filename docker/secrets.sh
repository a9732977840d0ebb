#!/bin/sh
# Make the files in secrets/ that compose.yml names, each with a random password or key. Existing ones stay.
# The folder is for the owner only; the files are readable, because the containers' users differ from the host's.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 0700 secrets
for name in postgres_password neanelu_sync_password neanelu_worker_password neanelu_webhooks_password \
  neanelu_encryption_key; do
  [ -s "secrets/$name" ] && continue
  case $name in *_key) bytes=32 ;; *) bytes=24 ;; esac
  head -c "$bytes" /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "secrets/$name"
  chmod 0444 "secrets/$name"
done
# The app's client secret is Shopify's to make: without it the receiver refuses all deliveries and is never ready.
if [ ! -e secrets/shopify_client_secret ]; then
  : > secrets/shopify_client_secret
  chmod 0444 secrets/shopify_client_secret
  echo "put the app's client secret into secrets/shopify_client_secret" >&2
fi
