#!/usr/bin/env bash
# Creates a certificate authority, and certificates that it has signed, for the exercises with TLS. Use them for nothing
# else: anyone who can read the folder has the keys.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: certificates.sh FOLDER NAME…

Creates in FOLDER an authority (ca.crt, ca.key) if it has none, and for each NAME a certificate (NAME.crt) and its key
(NAME.key). NAME is the host name of a server, or the name of a client. All certificates expire after a day.
EOF
}
die() { echo "certificates.sh: $2" >&2; exit "$1"; }

case ${1:-} in -h | --help) usage; exit 0 ;; esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
folder=$1
shift
for name in "$@"; do
  [[ $name =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] ||
    die 2 "a NAME can have lowercase letters, digits, dots and dashes, but one is '$name'"
done
[[ $(openssl version 2>/dev/null) =~ ^OpenSSL\ ([3-9]|[1-9][0-9]) ]] ||
  die 1 'OpenSSL 3 or newer is not on the PATH. Install it, then try again (on macOS: brew install openssl)'

umask 077
mkdir -p "$folder"
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc)
if [ ! -f "$folder/ca.key" ] || ! openssl x509 -checkend 3600 -noout -in "$folder/ca.crt" >/dev/null; then
  openssl req -x509 "${key[@]}" -keyout "$folder/ca.key" -out "$folder/ca.crt" -days 1 \
    -subj '/O=Outfitters/CN=an authority for exercises' -addext 'basicConstraints=critical,CA:TRUE' \
    -addext 'keyUsage=critical,keyCertSign' 2>/dev/null
fi
for name in "$@"; do
  # Browsers and libraries check only the alternative name.
  openssl req -x509 "${key[@]}" -keyout "$folder/$name.key" -out "$folder/$name.crt" -days 1 \
    -subj "/O=Outfitters/CN=$name" -addext "subjectAltName=DNS:$name" \
    -addext 'basicConstraints=critical,CA:FALSE' -CA "$folder/ca.crt" -CAkey "$folder/ca.key" 2>/dev/null
  echo "$folder/$name.crt for $name, signed by $folder/ca.crt"
done
