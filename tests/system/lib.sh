# The common part of the system tests; sourced. Needs CRATON_BUILD, the build folder.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../support/shell.sh"
craton=$CRATON_BUILD/craton
cratond=$CRATON_BUILD/cratond
keys=$CRATON_BUILD/tests/system/keys
cluster=$dir/cluster

finish() {
	local status=$?
	stop_started
	[ $status != 0 ] && [ -d "$cluster" ] && { status; digests; tail -n 5 "$cluster"/*/log; } 2>/dev/null
	"$craton" dev destroy --dir "$cluster" >/dev/null 2>&1
	rm -rf "$dir"
	exit $status
}
trap finish EXIT

start_cluster() { # start_cluster NODES [craton dev start's options]
	"$craton" dev start --nodes "$1" --dir "$cluster" "${@:2}" >"$dir/start.out" 2>&1 || { cat "$dir/start.out"; fail "craton dev start"; }
	. "$cluster/env"
}
status() { "$craton" -c "$cluster/admin.conf" status "$@"; }
leader() { status | awk '$3 == "leader" && $4 == "serving" { print $1 }'; }
has_leader() { [ "$(leader | wc -l)" = 1 ]; }
state_of() { status | awk -v node="$1" '$1 == node { print $4 }'; }
# What the nodes tell of themselves, "NODE FACT VALUE" a line: counters, and other texts and numbers of --json, but not what they say of each other. It
# is asked again and again by tests that wait, so it costs little.
facts() {
	status --json | sed 's/{"name":"\([^"]*\)","address":/\n\1 /g; s/"peers":\[[^]]*\]//g' | awk 'NR > 1 {
		for (rest = $0; match(rest, /"[a-z_]+":("[^"]*"|[0-9]+)/); rest = substr(rest, RSTART + RLENGTH)) {
			split(substr(rest, RSTART + 1, RLENGTH - 1), pair, /":"?/)
			sub(/"$/, "", pair[2])
			print $1, pair[1], pair[2]
		}
	}'
}
fact() { facts | awk -v of="$1 $2 " 'index($0, of) == 1 { value = substr($0, length(of) + 1) } END { print value ? value : 0 }'; } # fact NODE FACT
kill_node() { "$craton" dev kill "$1" --dir "$cluster" >/dev/null || fail "craton dev kill $1"; }
start_node() { "$craton" dev start "$1" --dir "$cluster" >"$dir/start.out" 2>&1 || { cat "$dir/start.out"; fail "craton dev start $1"; }; }

# only NODE: the application's craton.conf with that one member, in $CRATON_CONF.
only() {
	awk -v node="$1" '/^\[/ { keep = !/^\[member / || $0 == "[member " node "]" } keep' "$cluster/craton.conf" >"$cluster/only-$1.conf"
	export CRATON_CONF=$cluster/only-$1.conf
}
all() { export CRATON_CONF=$cluster/craton.conf; }

# The digest of each node's directory with the index it is of: the same line for all when all are in step.
digests() { status --json | grep -o '"applied":[0-9]*\|"digest":"[0-9a-f]*"' | paste - - | sort -u; }
in_step() { [ "$(digests | wc -l)" = 1 ]; }
