# How OpenSSL 3 finds the slot through pkcs11-provider: openssl.cnf; sourced.
provider=$(openssl version -m | sed 's/.*"\(.*\)"/\1/')/pkcs11.so
[ -e "$provider" ] || fail "pkcs11-provider is not installed; see scripts/install-dependencies"
(umask 077 && echo "$PIN" >pin)
cat >openssl.cnf <<X
openssl_conf = main
[main]
providers = providers
[providers]
default = default_provider
pkcs11 = pkcs11_provider
[default_provider]
activate = 1
[pkcs11_provider]
pkcs11-module-path = $MODULE
pkcs11-module-token-pin = file:$dir/pin
activate = 1
[req]
distinguished_name = name
[name]
X
export OPENSSL_CONF=$dir/openssl.cnf
