# How OpenSSL finds the slot through libp11's engine: openssl.cnf; sourced.
engine=$(openssl version -e | sed 's/.*"\(.*\)"/\1/')/pkcs11.so
[ -e "$engine" ] || fail "libp11's engine is not installed; see scripts/install-dependencies"
(umask 077 && cat >openssl.cnf) <<X
openssl_conf = main
[main]
engines = engines
[engines]
pkcs11 = pkcs11_engine
[pkcs11_engine]
engine_id = pkcs11
dynamic_path = $engine
MODULE_PATH = $MODULE
PIN = $PIN
init = 0
[req]
distinguished_name = name
[name]
X
export OPENSSL_CONF=$dir/openssl.cnf
