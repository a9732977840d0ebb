#!/bin/sh
# Command of the database container: make the cluster in its volume the first time, then be the server.
set -eu
data=${PGDATA:-/var/lib/postgresql/data/18}

configure() {
  python -c "from neanelu.platform.cluster import configuration_text; print(configuration_text({'listen_addresses': '*'}))" \
    > "$1/neanelu.conf"
}

if [ ! -s "$data/PG_VERSION" ]; then
  # Made beside its place and renamed: a container that is killed meanwhile starts over.
  rm -rf "$data.new"
  initdb -D "$data.new" --username=postgres --pwfile=/run/secrets/postgres_password --auth-local=trust \
    --auth-host=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8 --no-instructions
  echo "include = 'neanelu.conf'" >> "$data.new/postgresql.conf"
  echo "host all all all scram-sha-256" >> "$data.new/pg_hba.conf"
  configure "$data.new"
  echo 'CREATE DATABASE neanelu' | postgres --single -D "$data.new" postgres > /dev/null
  mv "$data.new" "$data"
fi
configure "$data"
exec postgres -D "$data"
