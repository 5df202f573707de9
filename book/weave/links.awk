# SPDX-License-Identifier: GPL-2.0-only
#
# Every link of the site leads somewhere; nothing is loaded from elsewhere.

function base(path) {
	sub(/.*\//, "", path)
	return path
}

BEGIN {
	for (i = 1; i < ARGC; i++)
		there[base(ARGV[i])] = 1
}

FNR == 1 { page = base(FILENAME) }

{
	rest = " " $0
	while (match(rest, /[ <](id|href|src)="[^"]*"/)) {
		item = substr(rest, RSTART + 1, RLENGTH - 2)
		rest = substr(rest, RSTART + RLENGTH)
		split(item, part, "=\"")
		value = substr(item, length(part[1]) + 3)
		if (part[1] == "id") {
			if ((page "#" value) in there) {
				print page ": two things are called #" value
				failed = 1
			}
			there[page "#" value] = 1
		} else if (value ~ /^https?:/ && part[1] == "href" && !/<link/) {
			continue
		} else {
			if (value ~ /^#/)
				value = page value
			if (!((page, value) in links))
				links[page, value] = FNR
		}
	}
}

END {
	for (key in links) {
		split(key, part, SUBSEP)
		if (!(part[2] in there)) {
			print part[1] ":" links[key] ": " part[2] " leads nowhere"
			failed = 1
		}
	}
	exit failed
}
