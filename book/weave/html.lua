-- SPDX-License-Identifier: GPL-2.0-only
--
-- How chunks, references, sidebar and indexes look in HTML.

return function(book, stem)
	local html = {}

	local function esc(text)
		return (text:gsub('[&<>"]',
			{ ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;' }))
	end
	html.esc = esc

	-- [[code]], `code` and *stress* in names of chunks and titles.
	function html.phrase(text)
		return (esc(text):gsub("'", '’'):gsub('%[%[(.-)%]%]', '<code>%1</code>')
			:gsub('`(.-)`', '<code>%1</code>')
			:gsub('%*(.-)%*', '<em>%1</em>'))
	end

	function html.href(id)
		local h, p = book.headings[id], book.pieces[id]
		local there = (h or p).stem
		if h and h.level == 1 then
			return there == stem and '#' .. id or book.page(there)
		end
		return (there == stem and '' or book.page(there)) .. '#' .. id
	end

	local function link(id, text, attributes)
		return '<a href="' .. html.href(id) .. '"' .. (attributes or '') ..
			'>' .. text .. '</a>'
	end

	-- A chunk's name.  A file is known by its path, a phrase by its brackets.
	function html.chunk(c, plain)
		local name = c.base or c.name
		local text = html.phrase(name)
		if name == c.pieces[1].file then
			text = '<span class="file">' .. text .. '</span>'
		else
			text = '⟨' .. text .. '⟩'
		end
		return plain and text or link(c.pieces[1].label, text)
	end

	local function variant(c, short)
		return '<b class="mark">' ..
			esc(short and c.variant:gsub('^.*/', '') or c.variant) .. '</b>'
	end

	local function refs(pieces)
		local out = {}
		for _, p in ipairs(pieces) do
			out[#out + 1] = link(p.label, p.ref)
		end
		return table.concat(out, ', ')
	end

	local function caption(p)
		local c = p.chunk
		local out = { '<figcaption>', '<span class="name">',
			link(p.label, p.ref, ' class="ref" title="link to this piece"'), ' ' }
		local function put(...)
			for _, text in ipairs { ... } do
				out[#out + 1] = text
			end
		end
		if c.variant then
			put('<b class="mark">' .. esc(c.first) .. '</b>', ' in place of ',
				html.chunk(book.chunks[c.base]))
		else
			put(html.chunk(c, true))
		end
		put(p.number > 1 and ' <span class="eq">+≡</span>' or
			' <span class="eq">≡</span>', '</span>')
		put('<span class="where">')
		if p.helper then
			put(#c.used > 1 and 'for variants' or 'for ' .. variant(p.helper.chunk))
		elseif p.file and p.file ~= c.name then
			put(link(book.chunks[p.file].pieces[1].label,
				'<span class="file">' .. esc(p.file) .. '</span>'))
			put(p.near and ', ' .. esc(p.near) or '')
		end
		if #c.pieces > 1 then
			local before, after = c.pieces[p.number - 1], c.pieces[p.number + 1]
			put(' <span class="turn">')
			put(before and link(before.label, '▴', ' title="previous piece" ' ..
				'aria-label="previous piece"') or '<span>▴</span>')
			put(after and link(after.label, '▾', ' title="next piece" ' ..
				'aria-label="next piece"') or '<span>▾</span>')
			put('</span>')
		end
		put('</span></figcaption>')
		return table.concat(out)
	end

	local function footer(p)
		local c = p.chunk
		local out = {}
		local after = {}
		for i = p.number + 1, #c.pieces do
			after[#after + 1] = c.pieces[i]
		end
		if #after > 0 and p.number == 1 then
			out[#out + 1] = 'Continued in ' .. refs(after) .. '.'
		end
		if c.others ~= '' then
			out[#out + 1] = 'Also in <b class="mark">' .. esc(c.others) .. '</b>.'
		end
		if #c.used > 0 then
			local users = {}
			for _, u in ipairs(c.used) do
				users[#users + 1] = (u.chunk.variant and variant(u.chunk, true) or
					html.chunk(u.chunk, true)) .. ' ' .. link(u.label, u.ref)
			end
			out[#out + 1] = 'Used in ' .. table.concat(users, ', ') .. '.'
		end
		if #c.variants > 0 and p.number == 1 then
			local others = {}
			for _, v in ipairs(c.variants) do
				others[#others + 1] = variant(v, true) .. ' ' ..
					refs { v.pieces[1] }
			end
			out[#out + 1] = 'Replaced in ' .. table.concat(others, ', ') .. '.'
		end
		return #out > 0 and '<p class="used">' .. table.concat(out, ' ') .. '</p>' or ''
	end

	local class = { comment = 'i', keyword = 'b', string = 's' }

	function html.code(p)
		local out = {}
		for _, line in ipairs(p.code) do
			for _, s in ipairs(line) do
				local kind, text, target = s[1], esc(s[2]), s[3]
				if kind == 'chunk' then
					text = '<span class="use">' .. html.chunk(target) .. '</span>'
				elseif kind == 'name' and target[2] ~= p then
					text = link(target[2].label, text)
				elseif kind == 'definition' then
					text = '<dfn>' .. text .. '</dfn>'
				elseif class[kind] then
					text = '<' .. class[kind] .. '>' .. text .. '</' .. class[kind] .. '>'
				end
				out[#out + 1] = text
			end
			out[#out + 1] = '\n'
		end
		return table.concat(out)
	end

	function html.piece(p)
		return '<figure class="chunk' ..
			((p.chunk.variant or p.helper) and ' variant' or '') ..
			'" id="' .. p.label .. '">' .. caption(p) ..
			'<pre tabindex="0"><code>' .. html.code(p) .. '</code></pre>' ..
			footer(p) .. '</figure>'
	end

	-- Recorded output; a place in the code that it names leads there.
	function html.recorded(text, variant)
		text = esc(text):gsub('([%w_./-]+%.[chS]):(%d+)', function(path, line)
			local p = book.piece_at(path:match('src/.*') or 'src/' .. path, line,
				variant)
			return p and link(p.label, path .. ':' .. line)
		end)
		return '<pre class="recorded" tabindex="0"><samp>' .. text .. '</samp></pre>'
	end

	-- A part's name, in the list of its chapters before the first of them.
	local function part(c, tag)
		local p = c.part
		if not p or p.stem ~= c.stem then
			return ''
		end
		return '</ol>\n<' .. tag .. ' class="part">' .. (p.number and
			'<span class="number">' .. p.number .. '</span> ' or '') ..
			html.phrase(p.title) .. '</' .. tag .. '>\n<ol' ..
			(tag == 'h2' and ' class="toc"' or '') .. '>'
	end

	function html.sidebar()
		local out = { '<ol>' }
		local function put(text)
			out[#out + 1] = text
		end
		for _, c in ipairs(book.chapters) do
			local here = c.stem == stem
			put(part(c, 'p'))
			put('<li><details' .. (here and ' open' or '') .. '><summary>')
			put('<a href="' .. book.page(c.stem) .. '"' ..
				(here and ' aria-current="page"' or '') .. '>')
			put('<span class="number">' .. (c.number or '') .. '</span>')
			put(html.phrase(c.title) .. '</a></summary><ol>')
			for _, h in ipairs(c.headings) do
				if h.level == 2 then
					put('<li>' .. link(h.id, html.phrase(h.title)) .. '</li>')
				end
			end
			put('</ol></details></li>')
		end
		put('</ol><ul>')
		for _, i in ipairs { { 'chunks', 'Index of chunks' }, { 'names', 'Index of names' } } do
			put('<li><a href="' .. book.page(i[1]) .. '"' ..
				(i[1] == stem and ' aria-current="page"' or '') .. '>' ..
				i[2] .. '</a></li>')
		end
		put('</ul>')
		return table.concat(out, '\n')
	end

	-- The page before and the page after.
	function html.neighbours()
		if stem == 'index' then
			return nil, book.chapters[1]
		end
		for i, c in ipairs(book.chapters) do
			if c.stem == stem then
				return book.chapters[i - 1], book.chapters[i + 1]
			end
		end
	end

	function html.contents()
		local out = { '<ol class="toc">' }
		for _, c in ipairs(book.chapters) do
			out[#out + 1] = part(c, 'h2')
			out[#out + 1] = '<li><a href="' .. book.page(c.stem) .. '">' ..
				'<span class="number">' .. (c.number or '') .. '</span>' ..
				html.phrase(c.title) .. '</a><p>'
			local sections = {}
			for _, h in ipairs(c.headings) do
				if h.level == 2 then
					sections[#sections + 1] = link(h.id, html.phrase(h.title))
				end
			end
			out[#out + 1] = table.concat(sections, ' · ') .. '</p></li>'
		end
		out[#out + 1] = '</ol>'
		return table.concat(out, '\n')
	end

	function html.chunk_index(list)
		local out = { '<ul class="index">' }
		for _, c in ipairs(list) do
			local more = {}
			for i = 2, #c.pieces do
				more[#more + 1] = c.pieces[i]
			end
			out[#out + 1] = '<li>' .. (c.variant and variant(c) .. ' ' or '') ..
				html.chunk(c) .. ' <span class="refs">' .. refs(c.pieces) ..
				(#c.used > 0 and '; used in ' .. refs(c.used) or '') ..
				(#c.variants > 0 and '; replaced in ' .. (function()
					local v = {}
					for _, o in ipairs(c.variants) do
						v[#v + 1] = o.pieces[1]
					end
					return refs(v)
				end)() or '') .. '</span></li>'
		end
		out[#out + 1] = '</ul>'
		return table.concat(out, '\n')
	end

	function html.name_index(list)
		local out = { '<ul class="index">' }
		for _, key in ipairs(list) do
			local where = {}
			for _, d in ipairs(book.defs[key]) do
				where[#where + 1] = '<b>' .. link(d.piece.label, d.piece.ref) .. '</b>'
			end
			out[#out + 1] = '<li id="n-' .. key:gsub(' ', '-') .. '"><code>' ..
				esc(key) .. '</code> <span class="refs">' ..
				table.concat(where, ', ') ..
				(#(book.users[key] or {}) > 0 and ', ' .. refs(book.users[key]) or '') ..
				'</span></li>'
		end
		out[#out + 1] = '</ul>'
		return table.concat(out, '\n')
	end

	return html
end
