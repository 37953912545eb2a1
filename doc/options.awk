# The options of src/crawl/options.def as man(7) text: of trawl-job.5 with -v form=job, else
# of trawl.1; and the settings of src/ctl/service.def, of trawl-serve.8.
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

# The text begins a line.
function sentence(text) {
	return (text ~ /^[.']/ ? "\\&" : "") toupper(substr(text, 1, 1)) substr(text, 2) "."
}

function as_flag() {
	printf ".TP\n.B \\-\\-%s", roff(flag)
	printf arg == "" ? "\n" : " \\fI%s\\fR\n", roff(arg)
	printf "%s", roff(sentence(help))
	if (type == "BOOL")
		printf " \\fB\\-\\-no\\-%s\\fR is the opposite.", roff(flag)
	if (def != "")
		printf " Default: %s.", roff(def)
	printf " In a job file: %s.%s.\n", section, key
}

function as_key(   value) {
	value = type == "BOOL" ? "yes|no" : arg
	printf ".TP\n.B %s:\n", key
	if (type == "LIST")
		printf "A list of \\fI%s\\fR: ", roff(value)
	else
		printf "\\fI%s\\fR: ", roff(value)
	printf "%s.", roff(help)
	if (type == "U32" || (type == "COUNT" && max !~ /MAX/))
		printf " From %s to %s%s.", min, max, type == "COUNT" ? ", or none" : ""
	if (def != "")
		printf " Default: %s.", roff(def)
	printf "\n"
}

/^(OPTION|SETTING)\(/ { row = ""; open = 1 }
open { row = row " " $0 }
open && /\)[ \t]*$/ {
	open = 0
	sub(/^ *(OPTION|SETTING)\(/, "", row)
	split(row, word, /[, ]+/)
	section = word[1]
	name = word[2]
	type = word[3]
	def = quoted()
	split(row, word, /[, ]+/)
	min = word[2]
	max = word[3]
	arg = quoted()
	help = quoted()
	while (row ~ /"/) # a help text in several pieces
		help = help quoted()
	sub(/,$/, "", help) # where the next row goes on
	if (section != last)
		printf ".SS %s\n", form == "job" ? section ":" : section
	last = section
	key = name
	sub("^" section "_", "", key) # as option_key() has it
	flag = name
	gsub(/_/, "-", flag)
	if (form == "job")
		as_key()
	else
		as_flag()
}
