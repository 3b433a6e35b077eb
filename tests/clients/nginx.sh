# nginx serves TLS with its key in the slot, in two workers that have it from their parent, while one node after the
# other dies and comes back: no request fails. Sourced after OPENSSL_CONF is set; `key` is what ssl_certificate_key says.
needs nginx pkcs11-tool openssl curl

(umask 077 && cat >nginx.conf) <<X
daemon off; worker_processes 2; pid $dir/nginx.pid; error_log stderr; user $(id -un);
env OPENSSL_CONF; env CRATON_CONF;
${engine:+ssl_engine pkcs11;}
events { }
http {
	access_log off;
	client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
	ssl_session_cache off; ssl_session_tickets off;
	server {
		listen unix:$dir/tls ssl;
		ssl_certificate $dir/server.pem;
		ssl_certificate_key "$key";
		location / { return 200 "served\n"; }
	}
}
X

makes_a_certificate() {
	user --keypairgen --key-type EC:prime256v1 --id 01 --label web --usage-sign
	openssl req -new -x509 -days 2 "${by[@]}" -key "$url;object=web;type=private" -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -out server.pem
}
asks() { OPENSSL_CONF=/dev/null timeout 60 curl -sS --unix-socket "$dir/tls" --cacert "$dir/server.pem" https://localhost/; }
# Asks again and again, at most as long as the test has its folder; each answer is a line, whatever it is.
visits() { while [ -d "$dir" ] && [ ! -e enough ]; do asks 2>&1 || echo "curl: $?"; done >"visits.$1"; }

served() { cat visits.* 2>/dev/null | grep -c '^served$'; }
served_at_least() { [ "$(served)" -ge "$1" ]; }
# What has just been done to a node is done to one that is asked.
serves_on() { until_true 60 "ten more visits" served_at_least $(($(served) + 10)); }

serves_while_nodes_die() {
	local visitor visitors=() node
	serve nginx -e stderr -c "$dir/nginx.conf"
	until_true 20 "nginx listens" listens_at "$dir/tls"
	asks
	for visitor in 1 2 3; do
		visits $visitor &
		visitors+=($!)
	done
	for node in a b c; do
		"$CRATON_BUILD/craton" dev kill $node --dir "$CRATON_CLUSTER"
		serves_on
		"$CRATON_BUILD/craton" dev start $node --dir "$CRATON_CLUSTER"
		serves_on
	done
	kill -HUP "$(cat nginx.pid)"
	"$CRATON_BUILD/craton" dev kill a --dir "$CRATON_CLUSTER"
	serves_on
	touch enough
	wait "${visitors[@]}"
	sort visits.* | uniq -c
	cat visits.* | absent -v '^served$'
	"$CRATON_BUILD/craton" dev start a --dir "$CRATON_CLUSTER"
}
check "a certificate for a key of the slot" makes_a_certificate
check "nginx serves while one node after the other dies" serves_while_nodes_die
