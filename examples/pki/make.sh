#!/bin/sh
# Makes the certificates of the examples, public halves only: every private key dies with the temporary folder. A device
# makes its own key and has the ISO sign the request; nothing here is meant for a device.
#
# Names, numbers and authorities are made up. Dates are fixed, so that reports on the examples stay as they are: what is
# good is valid from 2010 to 2049, what is bad is bad for one reason each.
#
#   ./make.sh            writes *.pem and wrong/*.pem beside this script (OpenSSL 3.0 or later)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$here/wrong"
cd "$work"

from=20100101000000Z
until=20491231000000Z

cat >openssl.cnf <<'CONF'
[req]
distinguished_name = name
[name]
[policy]
organizationName = optional
organizationalUnitName = optional
commonName = optional
[ca]
default_ca = issue
[issue]
database = index.txt
serial = serial
new_certs_dir = .
policy = policy
unique_subject = no
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[device]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONF

# key NAME rsa2048|rsa1024|p256
key() {
    case $2 in
        rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa}" -out "$1.key" ;;
        p256) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
    esac
}

# issue NAME SUBJECT EXTENSIONS FROM UNTIL HASH CA-OPTIONS...
issue() {
    name=$1 subject=$2 extensions=$3 start=$4 end=$5 hash=$6
    shift 6
    : >index.txt
    openssl rand -hex 8 >serial
    openssl req -config openssl.cnf -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl ca -config openssl.cnf -batch -notext -in "$name.csr" -out "$name.pem" -extensions "$extensions" \
        -startdate "$start" -enddate "$end" -md "$hash" "$@" 2>ca.log || { cat ca.log >&2; exit 1; }
}

# root NAME SUBJECT KEY FROM UNTIL
root() {
    key "$1" "$3"
    issue "$1" "$2" authority "$4" "$5" sha256 -selfsign -keyfile "$1.key"
}

# device NAME SUBJECT KEY ISSUER [HASH FROM UNTIL]
device() {
    key "$1" "$3"
    issue "$1" "$2" device "${6:-$from}" "${7:-$until}" "${5:-sha256}" -cert "$4.pem" -keyfile "$4.key"
}

# Two roots: one in force, the other beside it for the next change of chain.
root root-a "/O=OpenRTD examples/CN=Example device root A" rsa2048 "$from" "$until"
root root-b "/O=OpenRTD examples/CN=Example device root B" p256 "$from" "$until"

device irg001 "/O=OpenRTD examples/CN=IRG001" rsa2048 root-a
device irg002 "/O=OpenRTD examples/CN=IRG002" p256 root-a
device irg003 "/O=OpenRTD examples/CN=IRG003" rsa2048 root-a
device irg004 "/O=OpenRTD examples/CN=IRG004" p256 root-b
device irg005 "/O=OpenRTD examples/CN=IRG005" rsa2048 root-a
device irg006 "/O=OpenRTD examples/CN=IRG006" p256 root-b
cp root-?.pem irg00?.pem "$here"

# What the wrong twins name.
root cybertrust-root "/O=OpenRTD examples/CN=Example CyberTrust root" rsa2048 "$from" "$until"
root expired-root "/O=OpenRTD examples/CN=Example device root of 2010" rsa2048 "$from" 20251231000000Z
device sha1 "/O=OpenRTD examples/CN=IRG001" rsa2048 root-a sha1
device expired "/O=OpenRTD examples/CN=IRG002" p256 root-a sha256 20230901000000Z 20260901000000Z
device rsa1024 "/O=OpenRTD examples/CN=IRG003" rsa1024 root-a
device nameless "/O=OpenRTD examples/OU=Telemetry" p256 root-b
device plant-name "/O=OpenRTD examples/CN=PLANT-RTU-5" rsa2048 root-a
device cybertrust "/O=OpenRTD examples/CN=IRG006" rsa2048 cybertrust-root
cp cybertrust-root.pem expired-root.pem sha1.pem expired.pem rsa1024.pem nameless.pem plant-name.pem cybertrust.pem \
    "$here/wrong"
