#!/bin/sh
# Make the files in secrets/ that compose.yml names, each with a random password. Existing ones stay.
# The folder is for the owner only; the files are readable, because the containers' users differ from the host's.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 0700 secrets
for name in postgres_password neanelu_sync_password; do
  [ -s "secrets/$name" ] && continue
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "secrets/$name"
  chmod 0444 "secrets/$name"
done
