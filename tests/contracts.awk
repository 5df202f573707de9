# SPDX-License-Identifier: GPL-2.0-only
#
# What the comments above functions say of locks and references, a line each:
#
#	FILE:LINE <tab> FUNCTION <tab> Holds|Takes|Gets|Puts <tab> WHAT
#
# A function that takes a lock must say so by the lock's name in the code, and
# one that gets or puts a reference must say what it gets or puts.

function tags(comment,   n, i, word, part) {
	gsub(/[ \t\n*\/]+/, " ", comment)
	gsub(/(Holds|Takes|Gets|Puts|Context|Returns):/, "\n&", comment)
	n = split(comment, part, "\n")
	for (i = 2; i <= n; i++) {
		word = part[i]
		sub(/:.*/, "", word)
		sub(/^[^:]*: */, "", part[i])
		sub(/\. *$/, "", part[i])
		said[word] = part[i]
		if (word !~ /Context|Returns/)
			print FILENAME ":" start "\t" name "\t" word "\t" part[i]
	}
}

function bad(what) {
	print FILENAME ":" FNR ": " name "() " what >"/dev/stderr"
	failed = 1
}

FNR == 1 { comment = ""; open = inside = 0 }

/^\/\*/ { comment = ""; open = 1 }
open {
	# a paragraph ends what a tag says
	comment = comment ($0 ~ /^ \*$/ ? " Context: " : $0 "\n")
	if (/\*\//)
		open = 0
	next
}

# A definition: it may go on for lines, and ends before the line "{".
!inside && /^[a-z].*\(/ && !/[;=]$/ && !/^(module_|MODULE|EXPORT)/ {
	name = $0
	sub(/\(.*/, "", name)
	sub(/.*[ *]/, "", name)
	start = FNR
}
/^\{/ && name {
	delete said
	tags(comment)
	inside = 1
}
inside && /(mutex|spin|read|write)_lock(_[a-z]+)?\(&/ && !/_init\(/ {
	lock = $0
	sub(/.*_lock[a-z_]*\(&/, "", lock)
	sub(/[,)].*/, "", lock)
	if (index(said["Takes"], lock) == 0)
		bad("takes " lock ": its comment must say \"Takes: " lock "\"")
}
inside && /[^a-z_](vm_get|vm_put|mmgrab|mmdrop|mmget|mmput|symbol_get|symbol_put|fget|get_file|fput|get_page|put_page|get_user_pages[a-z_]*)\(/ &&
		!(said["Gets"] said["Puts"]) {
	bad("gets or puts a reference: its comment must say \"Gets:\" or \"Puts:\"")
	said["Gets"] = "reported"
}
/^\}/ { inside = 0; name = "" }
/^$/ && !inside { comment = "" }

END { exit failed }
