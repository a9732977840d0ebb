#!/bin/sh
# Make the files in secrets/ that compose.yml names, each with a random password or key. Existing ones stay.
# The folder is for the owner only; the files are readable, because the containers' users differ from the host's.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 0700 secrets
for name in postgres_password neanelu_sync_password neanelu_worker_password neanelu_encryption_key; do
  [ -s "secrets/$name" ] && continue
  case $name in *_key) bytes=32 ;; *) bytes=24 ;; esac
  head -c "$bytes" /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "secrets/$name"
  chmod 0444 "secrets/$name"
done
