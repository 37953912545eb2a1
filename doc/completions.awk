# Completions, with -v shell=bash, zsh or fish, from the tables of the program:
#     awk -v shell=bash -f completions.awk src/crawl/options.def src/base/outcome.h \
#         src/observe/report_json.c src/app/main.c
# A row of options.def is OPTION(section, name, TYPE, "default", min, max, "argument", "help"),
# one of main.c {"name", "usage", "summary", "details", crawls, function}: what a command
# takes is what its usage says (of `warc`, the details), and a command that crawls takes all
# options, and those of begin() below.

function begin() {
	add_option("output", "DIR", "where results go", "o", 0)
	add_option("seeds", "FILE", "more URLs to begin at", "", 0)
	add_option("quiet", "", "print errors only", "q", 0)
	add_option("verbose", "", "print more", "v", 1)
	add_option("help", "", "tell what there is", "h", 0)
}

function add_option(name, arg, help, letter, many) {
	options++
	opt_name[options] = name
	opt_arg[options] = arg
	opt_help[options] = help
	opt_letter[options] = letter
	opt_many[options] = many
	is_option["--" name] = 1
}

# -- Reading. --

function quoted(   text) { # takes the next "..." off `row`
	match(row, /"([^"\\]|\\.)*"/)
	text = substr(row, RSTART + 1, RLENGTH - 2)
	row = substr(row, RSTART + RLENGTH)
	gsub(/\\"/, "\"", text)
	gsub(/\\n/, "\n", text)
	return text
}

function quoted_pieces(   text) { # "..." "...", which is one text in C
	text = quoted()
	while (row ~ /^[ \t\n]*"/)
		text = text quoted()
	return text
}

function option_row(   word, name, type, arg) {
	split(row, word, /[, ]+/)
	name = word[2]
	type = word[3]
	gsub(/_/, "-", name)
	quoted() # the default
	arg = quoted_pieces()
	add_option(name, arg, quoted_pieces(), "", type == "LIST")
	if (type == "BOOL")
		add_option("no-" name, "", "not --" name, "", 0)
}

function command_row() {
	commands++
	cmd_name[commands] = quoted_pieces()
	cmd_usage[commands] = quoted_pieces()
	cmd_help[commands] = quoted_pieces()
	cmd_details[commands] = quoted_pieces()
	cmd_crawls[commands] = row ~ /^,[ \t\n]*true/
}

FNR == 1 { in_row = in_table = 0 }
/^OPTION\(/ { row = ""; in_row = 1 }
in_row == 1 { row = row " " $0 }
in_row == 1 && /\)[ \t]*$/ {
	in_row = 0
	sub(/^ *OPTION\(/, "", row)
	option_row()
}
/^const struct command commands\[\]/ { in_table = 1; next }
in_table && /^[ \t]*\{NULL/ { in_table = 0 }
in_table && /^[ \t]*\{"/ { row = ""; in_row = 2 }
in_row == 2 { row = row " " $0 }
in_row == 2 && /\},[ \t]*$/ { in_row = 0; command_row() }

/^\tX\([A-Z0-9_]+, "[a-z0-9-]+", (FETCHED|FAILED|REJECTED)\)/ {
	row = $0
	outcomes = outcomes (outcomes == "" ? "" : " ") quoted()
}

/^} sections\[\] = \{/ { in_sections = 1; next }
/^\};/ { in_sections = 0 }
in_sections {
	row = $0
	sections = sections (sections == "" ? "" : " ") quoted()
}

# -- What is common. --

# "files", "directories", "jobs", "words a b c", "none": what an argument may be.
function kind_of(arg,   words) {
	if (arg ~ /\.yaml$/)
		return "jobs"
	if (arg ~ /^(CRAWL)?DIR$/)
		return "directories"
	if (arg == "FILE" || arg == "FROM" || arg == "TO" || arg == "PATH")
		return "files"
	if (arg == "OUTCOME")
		return "words " outcomes
	if (arg == "SECTION")
		return "words " sections
	if (arg ~ /^[a-z0-9.]+(\|-?[a-zA-Z0-9.]+)+$/) {
		words = arg
		sub(/OUTCOME/, outcomes, words)
		gsub(/\|[A-Z]+/, "", words) # auto|T: the word
		gsub(/\|/, " ", words)
		return "words " words
	}
	return "none"
}

# What words that are no options are, by the usage of a command.
function words_kind(usage) {
	gsub(/--?[a-z-]+ ([A-Z]+|[a-z]+\.yaml)/, "", usage)
	if (usage ~ /\.yaml/)
		return "jobs"
	if (usage ~ /DIR/)
		return "directories"
	if (usage ~ /FILE|FROM/)
		return "files"
	return "none"
}

# Flags of a text such as "[--json] [--to gzip|none] FROM TO" into flag[1..], flag_arg[].
function flags_of(text,   n, rest, word, seen) {
	n = 0
	split("", seen)
	while (match(text, /--?[a-z][a-z-]*/)) {
		word = substr(text, RSTART, RLENGTH)
		rest = substr(text, RSTART + RLENGTH)
		text = rest
		if (word in seen)
			continue
		seen[word] = 1
		flag[++n] = word
		flag_arg[n] = ""
		if (match(rest, /^ ([A-Z]+|[a-z]+\.yaml|[a-z0-9]+(\|-?[a-z0-9]+)+)/)) {
			flag_arg[n] = substr(rest, 2, RLENGTH - 1)
			text = substr(rest, RLENGTH + 1)
		}
	}
	return n
}

# The lines of `warc` that are about one of its commands, but for what it is.
function lines_about(name, details,   n, line, i, on, text, first) {
	n = split(details, line, "\n")
	text = ""
	for (i = 1; i <= n; i++) {
		first = line[i]
		sub(/ .*/, "", first)
		if (first != "")
			on = first == name
		sub(/^ +/, "", line[i])
		if (first == "" && line[i] !~ /^[-[]/)
			continue
		sub(/   .*/, "", line[i])
		if (on)
			text = text line[i] "\n"
	}
	return text taken_by_all(details)
}

# The same with the lines that go on about what it takes, without flags and what it is.
function words_of(name, details,   n, line, i, on, text) {
	n = split(details, line, "\n")
	text = ""
	for (i = 1; i <= n; i++) {
		if (line[i] ~ /^[^ ]/)
			on = line[i] ~ ("^" name "( |$)")
		if (!on || line[i] ~ /^          /) # what it is
			continue
		sub(/^ +/, "", line[i])
		sub(/   .*/, "", line[i])
		text = text " " line[i]
	}
	gsub(/\[--?[^]]*\]/, "", text)
	return text
}

# Commands of a command's command, as `ctl jobs` has them: "[list] | show NAME | ...".
function own_commands(name, details,   n, part, i, words) {
	n = split(words_of(name, details), part, "|")
	words = ""
	for (i = 1; i <= n; i++) {
		if (i == 1)
			sub("^ *" name " *", "", part[i])
		gsub(/^[ []+/, "", part[i])
		sub(/[] ].*/, "", part[i])
		if (part[i] ~ /^[a-z]+$/)
			words = words (words == "" ? "" : " ") part[i]
	}
	return words
}

function group_words(name, details,   kind) {
	kind = words_kind(lines_about(name, details))
	return kind == "none" ? words_kind(words_of(name, details)) : kind
}

# "All take --json, and ...", up to the end of the sentence.
function taken_by_all(details,   text) {
	if (!match(details, /\nAll take [^.]*/))
		return ""
	text = substr(details, RSTART + 1, RLENGTH - 1)
	gsub(/\n/, " ", text)
	return "\n" text
}

function is_grouped(c) { return cmd_usage[c] ~ /^[a-z]+\|/ }

function groups_of(c, into,   text) {
	text = cmd_usage[c]
	sub(/ .*/, "", text)
	return split(text, into, "|")
}

function shell_quoted(text) {
	gsub(/'/, "'\\''", text)
	return "'" text "'"
}

function command_names(   c, names) {
	names = ""
	for (c = 1; c <= commands; c++)
		names = names (c > 1 ? " " : "") cmd_name[c]
	return names
}

# -- bash --

function bash_kind(kind) {
	if (kind == "files")
		return "_filedir"
	if (kind == "directories")
		return "_filedir -d"
	if (kind == "jobs")
		return "_filedir '@(yaml|yml)'"
	if (kind ~ /^words/)
		return "COMPREPLY=($(compgen -W '" substr(kind, 7) "' -- \"$cur\"))"
	return ":"
}

# A case of $prev for each flag with a value, then the flags, then other words.
function bash_flags(n, words, indent,   i, all, cases) {
	all = cases = ""
	for (i = 1; i <= n; i++) {
		all = all (i > 1 ? " " : "") flag[i]
		if (flag_arg[i] != "")
			cases = cases indent flag[i] ") " bash_kind(kind_of(flag_arg[i])) "; return ;;\n"
	}
	if (cases != "")
		printf "%scase $prev in\n%s%sesac\n", indent, cases, indent
	printf "%sif [[ $cur == -* ]]; then\n", indent
	printf "%s\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n", indent, all
	printf "%selse\n%s\t%s\n%sfi\n", indent, indent, bash_kind(words), indent
}

function bash_options(   i, all, names) {
	all = ""
	printf "# Of the commands that crawl: what comes behind an option that has a value.\n"
	printf "_trawl_value()\n{\n\tcase $prev in\n"
	for (i = 1; i <= options; i++) {
		all = all "--" opt_name[i] " "
		if (opt_letter[i] != "")
			all = all "-" opt_letter[i] " "
		names = (opt_letter[i] == "" ? "" : "-" opt_letter[i] " | ") "--" opt_name[i]
		if (opt_arg[i] != "")
			printf "\t%s) %s ;;\n", names, bash_kind(kind_of(opt_arg[i]))
	}
	printf "\t*) return 1 ;;\n\tesac\n}\n\n"
	printf "_trawl_options='%s'\n\n", all
}

function bash_command(c,   n, group, i, own) {
	printf "\t%s)\n", cmd_name[c]
	if (cmd_crawls[c]) {
		own = ""
		n = flags_of(cmd_usage[c])
		if (n > 0)
			printf "\t\tcase $prev in\n"
		for (i = 1; i <= n; i++) {
			own = own " " flag[i]
			if (flag_arg[i] != "")
				printf "\t\t%s) %s; return ;;\n", flag[i], bash_kind(kind_of(flag_arg[i]))
		}
		if (n > 0)
			printf "\t\tesac\n"
		printf "\t\t_trawl_value && return\n\t\t$split && return\n"
		printf "\t\tif [[ $cur == -* ]]; then\n"
		printf "\t\t\tCOMPREPLY=($(compgen -W \"$_trawl_options%s\" -- \"$cur\"))\n", own
		printf "\t\telse\n\t\t\t%s\n\t\tfi\n", bash_kind(words_kind(cmd_usage[c]))
	} else if (is_grouped(c)) {
		n = groups_of(c, group)
		printf "\t\tif [ \"$cword\" -eq 2 ]; then\n\t\t\tCOMPREPLY=($(compgen -W '"
		for (i = 1; i <= n; i++)
			printf "%s ", group[i]
		printf "--help' -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n\t\tcase ${words[2]} in\n"
		for (i = 1; i <= n; i++) {
			printf "\t\t%s)\n", group[i]
			own = own_commands(group[i], cmd_details[c])
			if (own != "")
				printf "\t\t\tif [[ $cword -eq 3 && $cur != -* ]]; then\n\t\t\t\t%s\n" \
				    "\t\t\t\treturn\n\t\t\tfi\n", bash_kind("words " own)
			bash_flags(flags_of(lines_about(group[i], cmd_details[c])),
			    group_words(group[i], cmd_details[c]), "\t\t\t")
			printf "\t\t\t;;\n"
		}
		printf "\t\tesac\n"
	} else
		bash_flags(flags_of(cmd_usage[c] " --help"), words_kind(cmd_usage[c]), "\t\t")
	printf "\t\t;;\n"
}

function bash(   c) {
	printf "# bash completion for trawl(1); made from its tables, see doc/completions.awk.\n"
	printf "# shellcheck shell=bash disable=SC2034,SC2207\n\n"
	bash_options()
	printf "_trawl()\n{\n\tlocal cur prev words cword split\n"
	printf "\t_init_completion -s -n : || return\n"
	printf "\tif [ \"$cword\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '"
	for (c = 1; c <= commands; c++)
		printf "%s ", cmd_name[c]
	printf "--help --version' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase ${words[1]} in\n"
	for (c = 1; c <= commands; c++)
		bash_command(c)
	printf "\thelp) [ \"$cword\" -gt 2 ] || %s ;;\n", bash_kind("words " command_names())
	printf "\tesac\n} &&\n\tcomplete -F _trawl trawl\n"
}

# -- zsh --

function zsh_text(text) {
	gsub(/\[/, "\\[", text)
	gsub(/\]/, "\\]", text)
	return text
}

function zsh_kind(kind) {
	if (kind == "files")
		return "_files"
	if (kind == "directories")
		return "_files -/"
	if (kind == "jobs")
		return "_files -g \"*.(yaml|yml)\""
	if (kind ~ /^words/)
		return "(" substr(kind, 7) ")"
	return " " # something, that cannot be told
}

function zsh_message(arg) {
	gsub(/:/, "\\:", arg)
	return arg
}

# One specification of _arguments.
function zsh_spec(name, arg, help, many,   text) {
	text = (many ? "*" : "") name
	if (arg != "")
		text = text (name ~ /^--/ ? "=" : "")
	if (help != "")
		text = text "[" zsh_text(help) "]"
	if (arg != "")
		text = text ":" zsh_message(arg) ":" zsh_kind(kind_of(arg))
	printf "\t\t%s \\\n", shell_quoted(text)
}

function zsh_words(kind) {
	printf "\t\t%s\n", shell_quoted("*:" (kind == "none" ? "URL" : kind) ":" zsh_kind(kind))
}

function zsh_flags(n, words,   i) {
	printf "\t_arguments -S \\\n"
	for (i = 1; i <= n; i++)
		zsh_spec(flag[i], flag_arg[i], "", 0)
	zsh_words(words)
}

function zsh_command(c,   n, group, i, own) {
	printf "(( $+functions[_trawl_%s] )) ||\n_trawl_%s()\n{\n", cmd_name[c], cmd_name[c]
	if (cmd_crawls[c]) {
		printf "\t_arguments -S -s \\\n"
		n = flags_of(cmd_usage[c])
		for (i = 1; i <= n; i++)
			if (!(flag[i] in is_option))
				zsh_spec(flag[i], flag_arg[i], "", 0)
		printf "\t\t\"${_trawl_options[@]}\" \\\n"
		zsh_words(words_kind(cmd_usage[c]))
	} else if (is_grouped(c)) {
		n = groups_of(c, group)
		printf "\tif (( CURRENT == 2 )); then\n\t\tcompadd --"
		for (i = 1; i <= n; i++)
			printf " %s", group[i]
		printf "\n\t\treturn\n\tfi\n\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in\n"
		for (i = 1; i <= n; i++) {
			printf "\t%s)\n", group[i]
			own = own_commands(group[i], cmd_details[c])
			if (own != "")
				printf "\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n" \
				    "\t\tcompadd -- %s\n\t\treturn\n\tfi\n", own
			zsh_flags(flags_of(lines_about(group[i], cmd_details[c])),
			    group_words(group[i], cmd_details[c]))
			printf "\t\t;;\n"
		}
		printf "\tesac\n"
	} else
		zsh_flags(flags_of(cmd_usage[c] " --help"), words_kind(cmd_usage[c]))
	printf "}\n\n"
}

function zsh(   i, c) {
	printf "#compdef trawl\n# zsh completion for trawl(1); made from its tables, see doc/completions.awk.\n\n"
	printf "local -a _trawl_options=(\n"
	for (i = 1; i <= options; i++) {
		if (opt_letter[i] != "")
			zsh_option("-" opt_letter[i], i)
		zsh_option("--" opt_name[i], i)
	}
	printf ")\n\n"
	for (c = 1; c <= commands; c++)
		zsh_command(c)
	printf "_trawl_help()\n{\n\t(( CURRENT > 2 )) || compadd -- %s\n}\n\n", command_names()
	printf "if (( CURRENT == 2 )); then\n\tlocal -a commands=(\n"
	for (c = 1; c <= commands; c++)
		printf "\t\t%s\n", shell_quoted(cmd_name[c] ":" cmd_help[c])
	printf "\t\t'--help:tell what there is'\n\t\t'--version:tell the version'\n\t)\n"
	printf "\t_describe command commands\n\treturn\nfi\n"
	printf "shift words\n(( CURRENT-- ))\n"
	printf "(( $+functions[_trawl_$words[1]] )) && _trawl_$words[1]\n"
}

function zsh_option(name, i,   text) {
	text = (opt_many[i] ? "*" : "") name
	if (opt_arg[i] != "")
		text = text (name ~ /^--/ ? "=" : "+")
	text = text "[" zsh_text(opt_help[i]) "]"
	if (opt_arg[i] != "")
		text = text ":" zsh_message(opt_arg[i]) ":" zsh_kind(kind_of(opt_arg[i]))
	printf "\t%s\n", shell_quoted(text)
}

# -- fish --

function fish_quoted(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/'/, "\\'", text)
	return "'" text "'"
}

# How an argument is completed: words of complete(1).
function fish_kind(kind) {
	if (kind == "files")
		return "-r -F"
	if (kind == "directories")
		return "-x -a '(__fish_complete_directories)'"
	if (kind == "jobs")
		return "-x -a '(__fish_complete_suffix .yaml)'"
	if (kind ~ /^words/)
		return "-x -a '" substr(kind, 7) "'"
	return "-x"
}

function fish_words(kind, condition) {
	if (kind == "files")
		printf "complete -c trawl -n %s -F\n", condition
	else if (kind == "directories")
		printf "complete -c trawl -n %s -a '(__fish_complete_directories)'\n", condition
	else if (kind == "jobs")
		printf "complete -c trawl -n %s -a '(__fish_complete_suffix .yaml)'\n", condition
}

function fish_flag(i, condition,   name) {
	name = flag[i]
	sub(/^--?/, "", name)
	printf "complete -c trawl -n %s -%s %s%s\n", condition, flag[i] ~ /^--/ ? "l" : "s", name,
	    flag_arg[i] == "" ? "" : " " fish_kind(kind_of(flag_arg[i]))
}

function fish_flags(n, words, condition,   i) {
	for (i = 1; i <= n; i++)
		fish_flag(i, condition)
	fish_words(words, condition)
}

function fish_command(c,   n, group, i, condition, own) {
	condition = "'__trawl_command " cmd_name[c] "'"
	if (cmd_crawls[c]) {
		n = flags_of(cmd_usage[c])
		for (i = 1; i <= n; i++)
			fish_flag(i, condition)
		fish_words(words_kind(cmd_usage[c]), condition)
	} else if (is_grouped(c)) {
		n = groups_of(c, group)
		for (i = 1; i <= n; i++) {
			printf "complete -c trawl -n '__trawl_wants_group %s' -a %s\n", cmd_name[c], group[i]
			own = own_commands(group[i], cmd_details[c])
			if (own != "")
				printf "complete -c trawl -n '__trawl_wants_own %s %s' -a '%s'\n",
				    cmd_name[c], group[i], own
			condition = "__trawl_is " cmd_name[c] " " group[i]
			fish_flags(flags_of(lines_about(group[i], cmd_details[c])), "none", "'" condition "'")
			if (own != "")
				condition = condition "; and not __trawl_wants_own " cmd_name[c] " " group[i]
			fish_words(group_words(group[i], cmd_details[c]), "'" condition "'")
		}
	} else
		fish_flags(flags_of(cmd_usage[c] " --help"), words_kind(cmd_usage[c]), condition)
}

function fish(   c, i, crawling) {
	printf "# fish completion for trawl(1); made from its tables, see doc/completions.awk.\n\n"
	printf "function __trawl_command\n\tset -l words (commandline -opc)\n"
	printf "\ttest (count $words) -ge 2; and contains -- $words[2] $argv\nend\n\n"
	printf "function __trawl_wants_group\n\tset -l words (commandline -opc)\n"
	printf "\ttest (count $words) -eq 2; and test $words[2] = $argv[1]\nend\n\n"
	printf "function __trawl_is\n\tset -l words (commandline -opc)\n"
	printf "\ttest (count $words) -ge 3; and test \"$words[2..3]\" = \"$argv\"\nend\n\n"
	printf "function __trawl_wants_own\n\tset -l words (commandline -opc)\n"
	printf "\ttest (count $words) -eq 3; and test \"$words[2..3]\" = \"$argv\"\nend\n\n"
	printf "complete -c trawl -f\n"
	printf "complete -c trawl -n '__trawl_wants_group help' -a '%s'\n", command_names()
	printf "complete -c trawl -n __fish_use_subcommand -l help -d 'tell what there is'\n"
	printf "complete -c trawl -n __fish_use_subcommand -l version -d 'tell the version'\n"
	for (c = 1; c <= commands; c++) {
		printf "complete -c trawl -n __fish_use_subcommand -a %s -d %s\n", cmd_name[c],
		    fish_quoted(cmd_help[c])
		if (cmd_crawls[c])
			crawling = crawling " " cmd_name[c]
	}
	for (i = 1; i <= options; i++)
		printf "complete -c trawl -n '__trawl_command%s' -l %s%s%s -d %s\n", crawling,
		    opt_name[i], opt_letter[i] == "" ? "" : " -s " opt_letter[i],
		    opt_arg[i] == "" ? "" : " " fish_kind(kind_of(opt_arg[i])), fish_quoted(opt_help[i])
	for (c = 1; c <= commands; c++)
		fish_command(c)
}

BEGIN { begin() }
END {
	if (options < 10 || commands < 5 || outcomes == "" || sections == "") {
		print "completions.awk: the tables are not where they were" >"/dev/stderr"
		exit 1
	}
	if (shell == "bash")
		bash()
	else if (shell == "zsh")
		zsh()
	else
		fish()
}
