# The common part of the clients' tests; sourced. `with-slot` has made a slot: MODULE, PIN, SOPIN and TOKEN are in the
# environment. A test works in a folder of its own, which is also its HOME, and tells each check in a line.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../support/shell.sh"
cd "$dir" || exit 1
export HOME=$dir
url="pkcs11:token=$TOKEN"
checks_failed=0
checking="the start"

finish() {
	local status=$?
	stop_started
	[ $checks_failed = 0 ] || { echo "$checks_failed checks failed"; status=1; }
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'fail "no end of: $checking"' TERM

# check WHAT COMMAND...: the command is most often a function, of which every line must succeed. What it served ends with it.
check() {
	checking=$1
	shift
	(
		trap stop_started EXIT
		set -e
		"$@"
	) >"$dir/said" 2>&1 </dev/null &
	if wait $!; then
		passed "$checking"
	else
		checks_failed=$((checks_failed + 1))
		echo "FAILED: $checking"
		tail -n 20 "$dir/said" | sed 's/^/    /'
	fi
}

# refused COMMAND...: fails, and of its own will: neither a signal's nor a time-out's status.
refused() {
	local status=0
	"$@" || status=$?
	[ $status != 0 ] && [ $status -lt 124 ]
}

# absent GREP-ARGUMENTS...: no line is like that, and all of it could be read. (`set -e` takes no notice of a command after `!`.)
absent() {
	grep "$@" && return 1
	[ $? = 1 ]
}

# Whether Debian's release has the program at all is known: docs/clients.md names those that it may lack.
needs() {
	local program
	for program; do
		command -v "$program" >/dev/null || fail "$program is not installed; see scripts/install-dependencies"
	done
}

tool() { timeout 60 pkcs11-tool --module "$MODULE" --token-label "$TOKEN" "$@"; }
user() { tool --login --pin env:PIN "$@"; }

# The public key with an id, as PEM.
public_key() { user --read-object --type pubkey --id "$1" --output-file "$2.der" && openssl pkey -pubin -inform DER -in "$2.der" -out "$2"; }

# A port nobody listens on.
# Below those that the kernel gives to whoever connects somewhere: one of these could be taken before its owner listens there.
free_port() {
	local port
	while port=$((10240 + RANDOM % 22528)) && listens "$port"; do :; done
	echo "$port"
}
listens_at() { /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null; }
listens() { (echo >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serve PROGRAM...: in the background; it ends with the check.
serve() {
	"$@" </dev/null &
	started+=($!)
}
