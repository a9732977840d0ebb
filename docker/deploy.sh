#!/bin/sh
# Command of the deploy job: bring the schema up to date, then give the login roles the passwords in the secrets.
set -eu
neanelu deploy
eval "$(neanelu server env)"
for secret in /run/secrets/neanelu_*_password; do
  [ -e "$secret" ] || continue
  role=$(basename "$secret" _password)
  # psql reads the file itself, so that the password is on no command line.
  psql -X -q -v ON_ERROR_STOP=1 <<SQL
\\set password \`cat "$secret"\`
ALTER ROLE $role PASSWORD :'password';
SQL
done
