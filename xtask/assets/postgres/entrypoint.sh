#!/usr/bin/env bash
# Starts PostgreSQL as the official image does, for the settings that tests use: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each
# also as *_FILE), POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA, /docker-entrypoint-initdb.d, and leading `-c` arguments.
# The temporary server logs on stdout and the final one on stderr: testcontainers waits for "ready to accept connections" on both.
set -euo pipefail

from_file() {
  local name=$1 file_name="$1_FILE"
  if [ -n "${!file_name:-}" ]; then
    export "$name=$(< "${!file_name}")"
    unset "$file_name"
  fi
}

create_cluster() {
  local password_file
  password_file=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" > "$password_file"
  # The arguments are a list of words, as in the official image.
  eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=\"\$password_file\" ${POSTGRES_INITDB_ARGS:-}"
  rm -f "$password_file"
  printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >> "$PGDATA/pg_hba.conf"
}

sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) sql --dbname "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | sql --dbname "$POSTGRES_DB" ;;
    esac
  done
}

set_up() {
  local options="-c listen_addresses='' -p 5432" word
  for word in "$@"; do
    options+=" $(printf %q "$word")"
  done
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
    echo "POSTGRES_PASSWORD is empty: set it, or POSTGRES_HOST_AUTH_METHOD=trust" >&2
    exit 1
  fi
  create_cluster
  # Reached by socket only, so nobody outside sees the server before it is set up.
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "$options" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    sql --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
  fi
  run_init_files
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
}

if [ "${1:-}" = "" ] || [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi
# Other programs, and questions that postgres answers without a cluster.
if [ "$1" != postgres ] || [[ " $* " =~ \ (--help|--version|-\?|-V)\  ]]; then
  exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
  install -d -m 700 -o postgres -g postgres "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups env HOME=/var/lib/postgresql bash "$0" "$@"
fi

for name in POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_INITDB_ARGS; do
  from_file "$name"
done
export POSTGRES_USER=${POSTGRES_USER:-postgres} POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER} POSTGRES_HOST_AUTH_METHOD=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  set_up "${@:2}"
fi
exec "$@"
