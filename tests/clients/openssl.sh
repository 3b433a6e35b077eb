# What OpenSSL's command does with keys in the slot, by the engine or by the provider; sourced after OPENSSL_CONF is set
# so that pkcs11: URIs are understood. The options that make an engine look at them are in `by` and `ca_by`.
needs pkcs11-tool openssl
echo "some data" >data

private() { echo "$url;object=$1;type=private"; }
ssl() { timeout 60 openssl "$@"; }
# openssl without the slot: what the slot did is judged by it.
judge() { OPENSSL_CONF=/dev/null openssl "$@"; }

makes_keys() {
	user --keypairgen --key-type rsa:2048 --id 01 --label rsa --usage-sign --usage-decrypt
	user --keypairgen --key-type EC:prime256v1 --id 02 --label ec --usage-sign --usage-derive
	user --keypairgen --key-type rsa:2048 --id 03 --label ca --usage-sign
	ssl pkey "${by_public[@]}" -pubin -in "$url;object=rsa;type=public" -pubout -out rsa.pub
	ssl pkey "${by_public[@]}" -pubin -in "$url;object=ec;type=public" -pubout -out ec.pub
	public_key 02 same.pub
	cmp same.pub ec.pub
}
signs() { # KEY OPTIONS...
	ssl dgst "${by[@]}" -sha256 "${@:2}" -sign "$(private "$1")" -out signature data
	judge dgst -sha256 "${@:2}" -verify "$1.pub" -signature signature data
}
finds_by_id() {
	ssl dgst "${by[@]}" -sha256 -sign "$url;id=%02;type=private?pin-value=$PIN" -out signature data
	judge dgst -sha256 -verify ec.pub -signature signature data
}
decrypts() { # OPTIONS...
	judge pkeyutl -encrypt -pubin -inkey rsa.pub "$@" -in data -out encrypted
	ssl pkeyutl -decrypt "${by[@]}" -inkey "$(private rsa)" "$@" -in encrypted | cmp - data
}
derives() {
	judge ecparam -name prime256v1 -genkey -noout -out peer.pem
	judge pkey -in peer.pem -pubout -out peer.pub
	ssl pkeyutl -derive "${by[@]}" -inkey "$(private ec)" -peerkey peer.pub -out shared
	judge pkeyutl -derive -inkey peer.pem -peerkey ec.pub | cmp - shared
}
founds_a_ca() {
	ssl req -new -x509 -days 2 "${by[@]}" -key "$(private ca)" -subj "/CN=An authority" \
		-addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem
	judge verify -check_ss_sig -CAfile ca.pem ca.pem
}
certifies() { # KEY
	ssl req -new "${by[@]}" -key "$(private "$1")" -subj /CN=localhost -addext subjectAltName=DNS:localhost -out "$1.csr"
	judge req -in "$1.csr" -verify -noout
	ssl x509 -req "${ca_by[@]}" -in "$1.csr" -CA ca.pem -CAkey "$(private ca)" -CAcreateserial -copy_extensions copy -days 2 -out "$1.pem"
	judge verify -CAfile ca.pem -verify_hostname localhost "$1.pem"
}
signs_a_message() { # KEY
	ssl cms -sign "${by[@]}" -inkey "$(private "$1")" -signer "$1.pem" -binary -nodetach -in data -outform DER -out message
	judge cms -verify -inform DER -in message -CAfile ca.pem -purpose any -out said.data
	cmp said.data data
}
decrypts_a_message() { # KEY
	judge cms -encrypt -binary -in data -outform DER -out message "$1.pem"
	ssl cms -decrypt "${by[@]}" -inkey "$(private "$1")" -recip "$1.pem" -inform DER -in message | cmp - data
}
serves_tls() { # KEY VERSION
	rm -f tls
	serve openssl s_server -unix "$dir/tls" "${by[@]}" -key "$(private "$1")" -cert "$1.pem" -www -quiet
	until_true 20 "s_server listens" listens_at "$dir/tls"
	local i
	for i in 1 2 3 4 5; do
		echo | judge s_client -unix "$dir/tls" "-$2" -CAfile ca.pem -verify_return_error -verify_hostname localhost
	done
}
shows_a_client_certificate() {
	judge req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -subj /CN=localhost -days 2
	rm -f tls
	OPENSSL_CONF=/dev/null serve openssl s_server -unix "$dir/tls" -key server.key -cert server.pem -Verify 1 -CAfile ca.pem \
		-verify_return_error -www
	until_true 20 "s_server listens" listens_at "$dir/tls"
	printf 'GET / HTTP/1.0\r\n\r\n' | ssl s_client -unix "$dir/tls" -quiet "${by[@]}" -key "$(private ec)" -cert ec.pem -CAfile server.pem >page
	grep 's_server' page
}
finds_nothing() {
	refused ssl dgst "${by[@]}" -sha256 -sign "$(private nothing)" -out never data
	[ ! -s never ]
}

check "keys are made, their public halves read" makes_keys
check "an RSA key signs" signs rsa
check "an RSA key signs with PSS" signs rsa -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
check "an EC key signs" signs ec
check "a key is found by its id, with the PIN in the URI" finds_by_id
check "a key that is not there is not found" finds_nothing
check "RSA decrypts, PKCS#1 v1.5" decrypts -pkeyopt rsa_padding_mode:pkcs1
check "RSA decrypts, OAEP" decrypts -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1
check "ECDH" derives
check "a CA whose key is in the slot" founds_a_ca
for key in rsa ec; do
	check "it certifies the $key key" certifies $key
	check "CMS signed by the $key key" signs_a_message $key
	check "TLS 1.3 server with the $key key" serves_tls $key tls1_3
done
check "TLS 1.2 server with the rsa key" serves_tls rsa tls1_2
check "CMS decrypted by the rsa key" decrypts_a_message rsa
check "TLS client with a certificate" shows_a_client_certificate
