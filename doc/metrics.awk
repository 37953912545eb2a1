# The table of the metrics, src/ctl/metrics.def, as manual source: a name, its labels, its help.
function texts(line, out,   n) {
	n = 0
	while (match(line, /"[^"]*"/)) {
		out[++n] = substr(line, RSTART + 1, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
	}
	return n
}
/^METRIC\(/ {
	if (texts($0, t) != 4) {
		print "metrics.def: line " NR " has not four texts" >"/dev/stderr"
		exit 1
	}
	type = $2
	sub(/,$/, "", type)
	name = t[1]
	if (type == "COUNTER")
		name = name "_total"
	if (type == "INFO")
		name = name "_info"
	print ".TP"
	if (t[3] == "")
		printf ".B %s\n%s\n", name, t[4]
	else
		printf ".BR %s \" {\" %s }\n%s\n", name, t[3], t[4]
}
