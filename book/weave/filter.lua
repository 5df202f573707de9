-- SPDX-License-Identifier: GPL-2.0-only
--
-- The pandoc filter between a chapter's Markdown and its page, and between
-- the whole book's and the PDF.  -M stem=01-files says which page this is.

local here = PANDOC_SCRIPT_FILE:match('^(.*/)') or './'
local book = dofile(here .. 'book.lua')
local code = dofile(here .. 'code.lua')(book)
local printed = FORMAT == 'latex'
local stem, html, latex
local failed = false

local function bad(where, what)
	io.stderr:write(where, ': ', what, '\n')
	failed = true
end

local function page()
	return 'book/' .. (stem or '*') .. '.nw'
end

local function raw(text)
	return pandoc.RawInline(printed and 'latex' or 'html', text)
end

local function rawblock(text)
	return pandoc.RawBlock(printed and 'latex' or 'html', text)
end

local function Meta(meta)
	stem = meta.stem and pandoc.utils.stringify(meta.stem)
	html = dofile(here .. 'html.lua')(book, stem)
	latex = dofile(here .. 'latex.lua')(book)
	if printed then
		return nil
	end
	local function set(key, text)
		meta[key] = pandoc.MetaInlines { raw(text) }
	end
	local c = book.chapters[stem]
	set('sidebar', html.sidebar())
	local titles = { chunks = 'Index of chunks', names = 'Index of names' }
	local title = c and c.title:gsub('[`*]', '') or titles[stem]
	set('pagetitle', html.esc((title and title .. ' · ' or '') .. 'The Last Reference'))
	local before, after = html.neighbours()
	for key, other in pairs { before = before or false, after = after or false } do
		if other then
			meta.turn = true
			set(key, html.phrase(other.title))
			set(key .. '-page', book.page(other.stem))
		end
	end
	return meta
end

local commands = { 'chapter', 'section', 'subsection', 'subsubsection' }

local function Header(h)
	local known = book.headings[h.identifier]
	local number = known and known.level == 1 and book.chapters[known.stem].number
	if printed then
		local command = '\\' .. commands[h.level]
		local start = ''
		if h.level == 1 then
			command = number and command or '\\addchap'
			start = latex.part(known and book.chapters[known.stem])
		end
		h.content:insert(1, raw(start .. command .. '{'))
		h.content:insert(raw('}' .. (known and '\\label{' .. h.identifier .. '}' or '')))
		return pandoc.Plain(h.content)
	elseif number then
		h.content:insert(1, raw('<span class="number">' .. number .. '</span> '))
	end
	return h
end

-- Every name between double brackets is one that the code has.
local function name(el)
	local where = el.attributes.at
	local text = el.text
	local chunk = book.chunks[text:match('^<<(.+)>>$') or '']
	if chunk then
		return printed and raw(latex.chunk(chunk) .. '\\onpage{' ..
			chunk.pieces[1].label .. '}') or raw(html.chunk(chunk))
	end
	local file = book.chunks[text] or book.chunks['src/' .. text]
	if not file then
		for word in text:gmatch('%f[%w_][%a_][%w_]*') do
			if not book.known[word] then
				bad(where, '[[' .. text .. ']]: the code defines no ' .. word ..
					'; spell it as the code does, or, if the name is the ' ..
					"kernel's, KVM's or C's, write it in backticks")
			end
		end
	end
	local tag, rest = text:match('^(%a+ [%a_][%w_]*)(.*)$')
	if not book.defs[tag or ''] then
		tag, rest = text:match('^([%a_][%w_]*)(.*)$')
	end
	local chapter = where:match('([^/]*)%.nw:')
	local target = file and file.pieces[1] or
		(book.defs[tag or ''] and code.definition(tag, nil, chapter)) or
		(tag and not text:match('[.>]') and
			code.definition('struct ' .. tag, nil, chapter))
	if printed then
		local shown = latex.inline(text)
		return raw(target and '\\hyperref[' .. target.label .. ']{' .. shown .. '}' or
			shown)
	end
	local shown = html.esc(text)
	return raw('<code>' .. (target and '<a href="' .. html.href(target.label) ..
		'">' .. shown .. '</a>' or shown) .. '</code>')
end

local function Code(el)
	if el.classes:includes('twill') then
		return name(el)
	end
	return printed and raw(latex.inline(el.text)) or nil
end

-- A drawing in graphviz's language: nodes and arrows, without its frame; with
-- file="..." it stands in a file, whose first line says what it shows.
local function drawing(el)
	local font = printed and 'TeX Gyre Heros' or 'sans-serif'
	local text, alt = el.text, el.attributes.alt
	if el.attributes.file then
		local file = assert(io.open(el.attributes.file))
		text = file:read('a')
		alt = text:match('^// ([^\n]*)')
		file:close()
	end
	local source = 'digraph { bgcolor=transparent margin=0 size="' ..
		(printed and '4.8,7' or '7,9') .. '" nodesep=.35 ' ..
		'fontsize=11 fontname="' .. font .. '" ' ..
		'node [shape=box style=rounded fontsize=11 fontname="' .. font .. '"] ' ..
		'edge [fontsize=10 arrowsize=.7 fontname="' .. font .. '"]\n' ..
		text .. '\n}'
	if printed then
		local path = 'build/book/drawing-' .. pandoc.utils.sha1(source) .. '.pdf'
		pandoc.pipe('dot', { '-Tpdf', '-o', path }, source)
		return rawblock('\\begin{center}\\includegraphics{' .. path .. '}\\end{center}')
	end
	-- A page may have several, and dot calls the parts of each by the same ids.
	local svg = pandoc.pipe('dot', { '-Tsvg' }, source)
		:gsub('^.-<svg', '<svg'):gsub(' id="[^"]*"', '')
		:gsub('<title>.-</title>', ''):gsub('<!%-%-.-%-%->', '')
		:gsub('"black"', '"currentColor"'):gsub('<text ', '<text fill="currentColor" ')
	return rawblock('<div class="drawing" role="img" aria-label="' ..
		html.esc(alt or '') .. '">' .. svg .. '</div>')
end

local function CodeBlock(el)
	if el.classes:includes('dot') then
		return drawing(el)
	end
	if el.classes:includes('chunk') then
		local p = book.pieces[el.identifier]
		return rawblock(printed and latex.piece(p) or html.piece(p))
	end
	return rawblock(printed and latex.recorded(el.text) or
		'<pre class="listing" tabindex="0"><code>' .. html.esc(el.text) ..
		'</code></pre>')
end

local function Link(el)
	local id = el.target:match('^#(.+)')
	if not id or id:match('^ref%-') then
		return nil
	end
	if not (book.headings[id] or book.pieces[id]) then
		bad(page(), 'a link to #' .. id .. ', which is nowhere in the book')
		return nil
	end
	local said = pandoc.utils.stringify(el):match('^[Cc]hapter (%d+)$')
	local number = book.headings[id] and book.chapters[book.headings[id].stem].number
	if said and said ~= number then
		bad(page(), 'a link to #' .. id .. ' calls it chapter ' .. said ..
			'; it is ' .. tostring(number))
	end
	if not printed then
		el.target = html.href(id)
		return el
	end
	local out = pandoc.List { raw('\\hyperref[' .. id .. ']{') }
	out:extend(el.content)
	out:insert(raw('}\\onpage{' .. id .. '}'))
	return out
end

-- On paper, what is long and has no spaces breaks after its punctuation.
local function Str(el)
	if printed and #el.text > 24 and not el.text:match('[^%w%p]') then
		return raw((el.text:gsub('[_#$&%%]', '\\%0')
			:gsub('[./@-]', '%0\\allowbreak{}')))
	end
end

-- How difficult an exercise is: (1), (2) or (3) at its beginning.
local function OrderedList(list)
	local marks = { ['(1)'] = '①', ['(2)'] = '②', ['(3)'] = '③' }
	for _, item in ipairs(list.content) do
		local text = item[1] and item[1].content
		local first = text and text[1]
		local mark = first and first.t == 'Str' and marks[first.text]
		if mark then
			text[1] = raw(printed and '{\\symbolfont ' .. mark .. '}' or
				'<span class="difficulty" title="difficulty ' ..
				first.text:sub(2, 2) .. ' of 3">' .. mark .. '</span>')
		end
	end
	return list
end

-- The columns of a table stand no further apart than its rows need.
local function tight(row, from)
	local used = {}
	for i = from, #row do
		for at in row[i]:gmatch('()%S') do
			used[at] = true
		end
	end
	for i = from, #row do
		row[i] = row[i]:gsub('()(.)', function(at, c)
			return (at < 5 or used[at] or used[at - 1] or used[at - 2]) and c or ''
		end)
	end
end

-- Without what the reader can do without: the lines that have one of the words
-- in skip="..., ...", and the rows of a table with tasks for columns that have
-- none of those in only="..., ...". Three dots stand for two or more of them.
local function shorter(text, skip, only)
	local function has(line, words)
		for word in words:gmatch('[^,]+') do
			if line:find(word:match('^%s*(.-)%s*$'), 1, true) then
				return true
			end
		end
	end
	local out, rows, run = {}, nil, 0
	for line in text:gmatch('([^\n]*)\n') do
		local left = skip and has(line, skip) or
			only and rows and line:match('^    ') and not has(line, only)
		if rows and line == '' then
			tight(out, rows)
			rows = nil
		end
		run = left and run + 1 or 0
		if run == 2 then
			out[#out] = out[#out]:match('^ *') .. '...'
		elseif run < 2 then
			out[#out + 1] = line
		end
		rows = rows or line:match('^    [A-D] [%a ]*$') and #out
	end
	return table.concat(out, '\n') .. '\n'
end

local function recorded(div)
	local file = div.attributes.file or '?'
	local path = 'build/recorded/' .. file
	local f = io.open(path)
	if not f then
		bad(page(), 'recorded output ' .. file .. ' is missing: make ' .. path)
		return nil
	end
	local text = f:read('a'):gsub('\n+$', '\n')
	f:close()
	if div.attributes.skip or div.attributes.only then
		text = shorter(text, div.attributes.skip, div.attributes.only)
	end
	local out = pandoc.List { rawblock(printed and latex.recorded(text) or
		html.recorded(text, book.variant_of(file))) }
	out:extend(div.content)
	return out
end

-- The rows of tests/variants.tsv for one lab, or all.
local function variants(div)
	local lab = div.attributes.lab
	local function mono(text, label)
		if printed then
			local shown = latex.inline(text)
			return { raw(label and '\\hyperref[' .. label .. ']{' .. shown .. '}' or shown) }
		end
		local shown = '<code>' .. html.esc(text) .. '</code>'
		return { raw(label and '<a href="' .. html.href(label) .. '">' .. shown ..
			'</a>' or shown) }
	end
	local function cell(column, text)
		local shown = book.columns[column]
		if shown == 'variant' then
			local label
			for _, c in ipairs(book.chunks) do
				if c.variant_of[text] then
					label = label or c.pieces[1].label
				end
			end
			if not label then
				bad(page(), 'tests/variants.tsv has ' .. text ..
					', and the book has no chunk of it')
			end
			return mono(lab and text:gsub('^.*/', '') or text, label)
		elseif shown == 'object' or shown == 'function' then
			return mono(text)
		end
		return { pandoc.Str(text) }
	end
	local rows = {}
	for _, row in ipairs(book.rows) do
		if not lab or row[1]:match('^([^/]*)/') == lab then
			local cells = {}
			for i = 1, #book.columns do
				local content = row[i] and row[i] ~= '-' and cell(i, row[i]) or {}
				cells[i] = { pandoc.Plain(content), size = #(row[i] or ''):gsub('^.*/', '') }
			end
			rows[#rows + 1] = cells
		end
	end
	if #rows == 0 then
		bad(page(), 'tests/variants.tsv has no variant of lab ' .. tostring(lab))
		return nil
	end
	-- On paper a column gets its share of the line, by its longest entry.
	local head, align, widths, total = {}, {}, {}, 0
	for i, column in ipairs(book.columns) do
		head[i] = { pandoc.Plain { pandoc.Str(column) } }
		align[i], widths[i] = pandoc.AlignLeft, #column + 4
		for _, cells in ipairs(rows) do
			widths[i] = math.max(widths[i], cells[i].size + 2)
		end
		total = total + widths[i]
	end
	for i in ipairs(widths) do
		widths[i] = printed and widths[i] / total or 0
	end
	local simple = pandoc.SimpleTable(div.content[1] and div.content[1].content or {},
		align, widths, head, rows)
	local t = pandoc.utils.from_simple_table(simple)
	if printed then
		return { rawblock('\\begin{widetable}'), t, rawblock('\\end{widetable}') }
	end
	return pandoc.Div({ t }, { class = 'variants' })
end

-- Measurements that a run left: the first line says of what, the second heads
-- the columns, of which the first names the rows.
local function measured(div)
	local file = io.open(div.attributes.file)
	if not file then
		bad(page(), 'there is no ' .. div.attributes.file)
		return nil
	end
	local caption = file:read('l'):gsub('^# ', '')
	local rows, align, widths = {}, {}, {}
	for line in file:lines() do
		local cells = {}
		for text in (line .. '\t'):gmatch('([^\t]*)\t') do
			cells[#cells + 1] = { pandoc.Plain { pandoc.Str(text) } }
		end
		rows[#rows + 1] = cells
	end
	file:close()
	for i in ipairs(rows[1]) do
		align[i] = i == 1 and pandoc.AlignLeft or pandoc.AlignRight
		widths[i] = 0
	end
	local head = table.remove(rows, 1)
	return pandoc.utils.from_simple_table(pandoc.SimpleTable(
		{ pandoc.Str(caption) }, align, widths, head, rows))
end

local function sorted(list, key)
	table.sort(list, function(a, b)
		local x, y = key(a):lower():gsub('[^%w ]', ''), key(b):lower():gsub('[^%w ]', '')
		return x == y and key(a) < key(b) or x < y
	end)
	return list
end

local function indexes(which)
	local out = printed and latex or html
	local files, phrases, changed, names = {}, {}, {}, {}
	for _, c in ipairs(book.chunks) do
		table.insert(c.variant and changed or c.name == c.pieces[1].file and files or
			phrases, c)
	end
	for key in pairs(book.defs) do
		names[#names + 1] = key
	end
	local function title(c)
		return c.name
	end
	local lists = {
		files = { out.chunk_index, sorted(files, title) },
		chunks = { out.chunk_index, sorted(phrases, title) },
		variants = { out.chunk_index, sorted(changed, title) },
		names = { out.name_index, sorted(names, function(k) return k:match('%S+$') end) },
	}
	local f, list = table.unpack(lists[which])
	return #list > 0 and rawblock(f(list)) or {}
end

local function Div(div)
	if div.classes:includes('recorded') then
		return recorded(div)
	elseif div.classes:includes('variants') then
		return variants(div)
	elseif div.classes:includes('measured') then
		return measured(div)
	elseif div.classes:includes('index') then
		return indexes(div.attributes.of)
	elseif div.classes:includes('contents') then
		return printed and {} or rawblock(html.contents())
	end
end

local function Pandoc()
	if failed then
		os.exit(1)
	end
end

return {
	{ Meta = Meta },
	{ Str = Str, Header = Header, Code = Code, CodeBlock = CodeBlock, Link = Link,
		OrderedList = OrderedList, Div = Div },
	{ Pandoc = Pandoc },
}
