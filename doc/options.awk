# The options of src/crawl/options.def as man(7) text, for trawl.1.
# A row: OPTION(section, name, TYPE, "default", min, max, "argument", "help")

function quoted(   text) { # takes the next "..." off `row`
	match(row, /"([^"\\]|\\.)*"/)
	text = substr(row, RSTART + 1, RLENGTH - 2)
	row = substr(row, RSTART + RLENGTH)
	gsub(/\\"/, "\"", text)
	return text
}

function roff(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text
}

/^OPTION\(/ { row = ""; open = 1 }
open { row = row " " $0 }
open && /\)[ \t]*$/ {
	open = 0
	sub(/^ *OPTION\(/, "", row)
	split(row, word, /[, ]+/)
	section = word[1]
	name = word[2]
	type = word[3]
	def = quoted()
	arg = quoted()
	help = quoted()
	while (row ~ /"/) # a help text in several pieces
		help = help quoted()
	if (section != last)
		printf ".SS %s\n", section
	last = section
	flag = name
	gsub(/_/, "-", flag)
	printf ".TP\n.B \\-\\-%s", roff(flag)
	printf arg == "" ? "\n" : " \\fI%s\\fR\n", roff(arg)
	printf "%s.", roff(help)
	if (type == "BOOL")
		printf " \\fB\\-\\-no\\-%s\\fR is the opposite.", roff(flag)
	if (def != "")
		printf " Default: %s.", roff(def)
	printf " In a job file: %s.%s.\n", section, name
}
