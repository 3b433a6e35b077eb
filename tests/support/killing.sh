# One node after the other dies and comes back, beside whatever is tested; sourced after shell.sh. Needs $craton and $cluster.
# Between two deaths all nodes are there for a moment: what is tried is life without one of them, not how fast they start.
killing_rest=0.5 # seconds

# Until killing_ends says that it is enough.
keep_killing() {
	local kills=0 victim
	while [ ! -e "$dir/enough" ]; do
		for victim in a b c; do
			[ -e "$dir/enough" ] && break
			"$craton" dev kill $victim --dir "$cluster" && "$craton" dev start $victim --dir "$cluster" || return 1
			echo $((kills += 1)) >"$dir/kills"
			read -rt $killing_rest <> <(:) || true
		done
	done
}

killing_begins() {
	echo 0 >"$dir/kills"
	(trap - EXIT; keep_killing) >"$dir/killer.log" 2>&1 &
	killer=$!
}
kills() { cat "$dir/kills"; }
# False, and why, if a node could not be killed or started again.
killing_ends() {
	touch "$dir/enough"
	wait "$killer" && return
	cat "$dir/killer.log"
	return 1
}
