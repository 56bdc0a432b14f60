#!/usr/bin/env bash
# Runs once inside the image build: PostgreSQL 15 without a cluster, the locale and the user id of the official image.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

groupadd --system --gid 999 postgres
useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres

# Documentation and translations are never read here and cost more than the server itself.
printf '%s\n' 'path-exclude /usr/share/doc/*' 'path-exclude /usr/share/man/*' 'path-exclude /usr/share/locale/*' \
  > /etc/dpkg/dpkg.cfg.d/countersign-image

apt-get -qq update
apt-get -qq install -y --no-install-recommends locales postgresql-common > /dev/null
# The package would make a cluster of its own; the entry point makes the one that is asked for.
sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get -qq install -y --no-install-recommends postgresql-15 > /dev/null
localedef -i en_US -c -f UTF-8 en_US.UTF-8

# A container is of use only when it can be reached from outside of it.
sed -i "s/^#\?listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/15/postgresql.conf.sample

install -d -m 3777 -o postgres -g postgres /var/run/postgresql
install -d -m 1777 -o postgres -g postgres /var/lib/postgresql/data
install -d /docker-entrypoint-initdb.d

rm -rf /usr/lib/postgresql/15/lib/bitcode /usr/share/i18n /var/lib/apt/lists/* /var/cache/apt/* \
  /etc/apt/apt.conf.d/99host /etc/apt/host-ca.crt /tmp/install.sh
find /usr/lib -name 'libLLVM*' -delete
find /usr/lib/postgresql -name 'llvmjit*' -delete
