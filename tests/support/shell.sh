# What every test that is a shell script needs; sourced. A folder of its own, $dir, that goes when it ends, and so do the
# programs whose process ids are in $started.
set -u
export LC_ALL=C
dir=$(mktemp -d)
started=()

stop_started() {
	local pid
	for pid in "${started[@]:-}"; do { [ -n "$pid" ] && kill "$pid" && wait "$pid"; } 2>/dev/null || true; done
	started=()
}

fail() { echo "FAILED: $*" >&2; exit 1; }
passed() { echo "ok: $*"; }

# until_true SECONDS WHAT COMMAND...: looks again and again; the time is for giving up, not for passing.
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ $SECONDS -ge $end ] && fail "after a long wait still not so: $what"
		read -rt 0.05 <> <(:) || true
	done
}
