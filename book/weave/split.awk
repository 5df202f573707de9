# SPDX-License-Identifier: GPL-2.0-only
#
# noweb's stream becomes a Pandoc Markdown file a chapter, $out/STEM.md, and
# what the filter must know of the whole book, $out/index, a line each:
#
#   T STEM PART                      a part of the book begins here
#   H STEM LEVEL ID TITLE            a heading
#   P LABEL STEM HEADING START END NAME   a piece of a chunk, and its lines
#   C LABEL CODE                     a line of that piece

BEGIN {
	OFS = "\t"
	index_file = out "/index"
	printf "" >index_file
}

function slug(text) {
	text = tolower(text)
	gsub(/[^a-z0-9]+/, "-", text)
	gsub(/^-|-$/, "", text)
	return text == "" ? "x" : text
}

# An anchor that no other thing in the book has.
function anchor(wish,   n, id) {
	id = wish
	for (n = 2; id in taken; n++)
		id = wish "-" n
	taken[id] = 1
	return id
}

function bad(what) {
	print file ":" line ": " what >"/dev/stderr"
	failed = 1
}

function write(text) {
	print text >md
}

/^@file / {
	if (md)
		close(md)
	file = substr($0, 7)
	line = 1
	stem = file
	sub(/.*\//, "", stem)
	sub(/\.nw$/, "", stem)
	md = out "/" stem ".md"
	printf "" >md
	chapter = fence = heading = text = ""
	next
}

/^@begin docs/ { docs = 1; text = ""; next }
/^@end docs/ {
	if (text != "")
		prose()
	docs = 0
	next
}
/^@begin code/ { code = 1; text = ""; next }
/^@end code/ {
	write("~~~~~~")
	write("")
	print "P", label, stem, heading, start, line - 1, name >index_file
	code = 0
	next
}
/^@defn / {
	name = substr($0, 7)
	label = anchor("c-" slug(name) (++pieces[name] > 1 ? "-" pieces[name] : ""))
	start = line + 1
	defined_here = 1
	write("")
	write("~~~~~~ {#" label " .chunk}")
	next
}
/^@use / {
	text = text "<<" substr($0, 6) ">>"
	next
}
/^@quote/ { quoted = text; text = ""; next }
/^@endquote/ {
	text = quoted "`" text "`{.twill at=\"" file ":" line "\"}"
	next
}
/^@text / { text = text substr($0, 7); next }
/^@index nl/ { line++; next }
/^@nl/ {
	if (code && defined_here) {
		defined_here = 0
	} else if (code) {
		write(text)
		print "C", label, text >index_file
	} else if (docs) {
		prose()
	}
	text = ""
	line++
}

# A line of prose.  Headings get their anchors here, so that every page can
# know them all.
function prose(   level, title, id) {
	if (match(text, /^ *(```+|~~~+)/)) {
		if (fence == "")
			fence = substr(text, RLENGTH, 1)
		else if (fence == substr(text, RLENGTH, 1))
			fence = ""
	}
	if (fence == "" && match(text, /^#+ /)) {
		level = RLENGTH - 1
		title = substr(text, RLENGTH + 1)
		id = ""
		if (match(title, /\{#[^ }]+[^}]*\} *$/)) {
			id = substr(title, RSTART + 2)
			title = substr(title, 1, RSTART - 1)
			sub(/[ }].*/, "", id)
			if (id in taken)
				bad("two things are called #" id)
			taken[id] = 1
		}
		sub(/ +$/, "", title)
		gsub(/`\{\.twill at="[^"]*"\}/, "`", title)
		if (level == 1 && chapter != "")
			bad("a second title; a chapter has one")
		if (level == 1 && id == "")
			bad("the title needs an anchor: # Title {#anchor}")
		if (level == 1)
			chapter = id
		if (match(text, / part="[^"]+"/)) {
			if (level != 1)
				bad("a part begins at a chapter\047s title")
			print "T", stem, substr(text, RSTART + 7, RLENGTH - 8) >index_file
			text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
		}
		if (id == "") {
			id = anchor(chapter "-" slug(title))
			sub(/ *(\{[^}]*\})? *$/, " {#" id "}", text)
		}
		heading = id
		print "H", stem, level, id, title >index_file
	} else if (fence == "" && chapter == "" && text !~ /^[ \t]*$/) {
		bad("text before the chapter's title")
		chapter = "?"
	}
	write(text)
}

END { exit failed }
