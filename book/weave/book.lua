-- SPDX-License-Identifier: GPL-2.0-only
--
-- What the weaver knows of the whole book, whichever page it is making:
-- chapters and headings, chunks and their pieces, variants, and the names
-- that the tangled code defines.  Read from the files that collect.sh leaves.

local book = {
	chapters = {},	-- list of { stem, id, title, number, part, headings }
	parts = {},	-- list of { title, number }: number is nil for appendices
	headings = {},	-- id -> { stem, id, level, title }
	order = {},	-- pieces in the order of the book
	pieces = {},	-- label -> piece
	chunks = {},	-- name -> { name, pieces, used, variant, base, variants }
	defs = {},	-- "vm_put", "struct vm" -> list of { piece, kind }
	users = {},	-- the same -> list of pieces
	known = {},	-- every name that the tangled code defines
	rows = {},	-- tests/variants.tsv
	columns = {},
}

local function fields(line)
	local out = {}
	for field in (line .. '\t'):gmatch('([^\t]*)\t') do
		out[#out + 1] = field
	end
	return out
end

local function each(path)
	local file = assert(io.open(path))
	local text = file:read('a')
	file:close()
	return text:gmatch('([^\n]*)\n')
end

local dir = 'build/book/md'

-- Chapters are counted in order, except the preface; appendices have letters.
local roman = { 'I', 'II', 'III', 'IV', 'V', 'VI' }
local last = 0

local function number(stem, part)
	if stem:match('^00%-') then
		return nil
	end
	last = last + 1
	return part and not part.number and string.char(64 + last) or tostring(last)
end

-- Headings, pieces, code.
local chapter, part
for line in each(dir .. '/index') do
	local f = fields(line)
	if f[1] == 'T' then
		part = { title = f[3], stem = f[2] }
		if part.title == 'Appendices' then
			last = 0
		else
			part.number = roman[#book.parts + 1]
		end
		table.insert(book.parts, part)
	elseif f[1] == 'H' then
		local h = { stem = f[2], level = tonumber(f[3]), id = f[4], title = f[5] }
		if h.level == 1 then
			chapter = { stem = h.stem, id = h.id, title = h.title, part = part,
				number = number(h.stem, part), headings = {} }
			table.insert(book.chapters, chapter)
			book.chapters[h.stem] = chapter
		else
			table.insert(chapter.headings, h)
		end
		book.headings[h.id] = h
	elseif f[1] == 'P' then
		local p = book.pieces[f[2]] or { label = f[2], lines = {} }
		p.stem, p.heading, p.name = f[3], f[4], f[7]
		p.first, p.last = tonumber(f[5]), tonumber(f[6])
		book.pieces[p.label] = p
		table.insert(book.order, p)
	elseif f[1] == 'C' then
		local p = book.pieces[f[2]] or { label = f[2], lines = {} }
		book.pieces[p.label] = p
		table.insert(p.lines, line:sub(#f[2] + 4))
	end
end

-- Chunks: their pieces, who uses them, what replaces them.
for _, p in ipairs(book.order) do
	local c = book.chunks[p.name]
	if not c then
		c = { name = p.name, pieces = {}, used = {}, variants = {} }
		c.variant, c.base = p.name:match('^([^ ]+/[^ ]+): (.+)$')
		-- <<LAB/bug+wrong-x: name>> is for LAB/bug and for LAB/wrong-x.
		c.variant_of = {}
		local lab = (c.variant or ''):match('^[^/]*/')
		for part in (c.variant or ''):gmatch('[^+]+') do
			c.variant_of[part:match('/') and part or lab .. part] = true
		end
		c.variant = c.variant and c.variant:gsub('+', ', ')
		-- Above a piece stands the first of them, below it the others.
		c.first, c.others = (c.variant or ''):match('^([^,]*),? ?(.*)$')
		book.chunks[p.name] = c
		table.insert(book.chunks, c)
	end
	table.insert(c.pieces, p)
	p.chunk, p.number = c, #c.pieces
end
for _, c in ipairs(book.chunks) do
	if c.base then
		table.insert(book.chunks[c.base].variants, c)
	end
	for _, p in ipairs(c.pieces) do
		for _, line in ipairs(p.lines) do
			for name in line:gmatch('<<(.-)>>') do
				local used = book.chunks[name]
				if used and used.used[#used.used] ~= p then
					table.insert(used.used, p)
				end
			end
		end
	end
end

-- Where the tangled lines come from, in each variant, and where the pieces'
-- lines go in the sound tree.
local homes = {}
local goes = {}
for line in each(dir .. '/linemap') do
	local variant, file, n, source, m =
		line:match('^(%S+) (%S+):(%d+) book/(%S+)%.nw:(%d+)$')
	homes[variant] = homes[variant] or {}
	homes[variant][file .. ':' .. n] = source .. ':' .. m
	if variant == 'sound' then
		goes[source .. ':' .. m] = goes[source .. ':' .. m] or { file, tonumber(n) }
	end
end
local home = homes.sound

local at = {}
for _, p in ipairs(book.order) do
	for n = p.first, p.last do
		at[p.stem .. ':' .. n] = p
	end
end

-- The piece that a line of a tangled file comes from.
function book.piece_at(file, line, variant)
	return at[homes[variant or 'sound'][file .. ':' .. line] or '']
end

-- LAB-NAME-more.txt was recorded from the variant LAB/NAME.
function book.variant_of(recorded)
	local found
	for variant in pairs(homes) do
		local prefix = variant:gsub('/', '-')
		if recorded:sub(1, #prefix) == prefix and
		   not recorded:sub(#prefix + 1):match('^%w') and
		   #variant > #(found or '') then
			found = variant
		end
	end
	return found
end

-- The names that the code defines.
local indexed = { ['function'] = 1, struct = 1, union = 1, enum = 1,
	enumerator = 1, typedef = 1, macro = 1, variable = 1, label = 1 }
local around = {}	-- file -> definitions that a line can be in or after
for line in each(dir .. '/tags') do
	local f = fields(line)
	local name, file, kind = f[1], f[2], f[5]
	local first, last = tonumber(f[3]), tonumber(f[4])
	local tag = kind == 'struct' or kind == 'union' or kind == 'enum'
	book.known[name] = true
	local p = book.piece_at(file, first)
	local asm = file:match('%.S$')
	if p and indexed[kind] and (kind ~= 'label' or asm) and
	   not name:match('_H$') and not name:match('^__anon') then
		local key = tag and kind .. ' ' .. name or name
		book.defs[key] = book.defs[key] or {}
		table.insert(book.defs[key], { piece = p, file = file,
			static = f[6] == 'file',
			line = tonumber(home[file .. ':' .. first]:match('%d+$')) })
	end
	if kind == 'function' or tag then
		around[file] = around[file] or {}
		table.insert(around[file], { first = first, last = last or first,
			name = tag and kind .. ' ' .. name or name .. '()' })
	end
end
for name in pairs({ NULL = 1, struct = 1, union = 1, enum = 1, sizeof = 1,
		const = 1, static = 1, void = 1, int = 1, long = 1, bool = 1,
		unsigned = 1, char = 1, u8 = 1, u16 = 1, u32 = 1, u64 = 1 }) do
	book.known[name] = true
end

-- "src/vm.c" and "in vm_create()" or "after vm_get()": where a piece goes.
local function place(p, depth)
	if p.file or depth > 9 then
		return
	end
	local base = p.chunk.base and book.chunks[p.chunk.base].pieces[1]
	if base then
		place(base, depth + 1)
		p.file, p.near = base.file, base.near
		return
	end
	for n = p.first, p.last do
		local goal = goes[p.stem .. ':' .. n]
		if goal then
			p.file, p.line = goal[1], goal[2]
			break
		end
	end
	for _, line in ipairs(p.file and {} or p.lines) do
		local inner = book.chunks[line:match('<<(.-)>>') or '']
		if inner and inner ~= p.chunk then
			place(inner.pieces[1], depth + 1)
			p.file, p.line = inner.pieces[1].file, inner.pieces[1].line
			break
		end
	end
	if not p.line or p.name == p.file then
		return
	end
	local inside, after
	for _, d in ipairs(around[p.file] or {}) do
		if d.first < p.line and p.line <= d.last and
		   (not inside or d.first > inside.first) then
			inside = d
		elseif d.last < p.line and (not after or d.last > after.last) then
			after = d
		end
	end
	p.near = inside and 'in ' .. inside.name or after and 'after ' .. after.name
end
for _, p in ipairs(book.order) do
	place(p, 0)
end

-- A chunk that only variants use has their mark, not a place of its own.
for _, p in ipairs(book.order) do
	local user = p
	for _ = 1, 9 do
		user = not user.chunk.variant and user.chunk.used[1] or user
	end
	if user.chunk.variant and user ~= p then
		p.helper = user
		p.file = p.file or user.file
	end
end

-- Names that only variants' code has are taken as they stand.
local sound, changed = {}, {}
for _, p in ipairs(book.order) do
	local names = (p.helper or p.chunk.variant) and changed or sound
	for _, line in ipairs(p.lines) do
		for name in line:gmatch('[%a_][%w_]*') do
			names[name] = true
		end
	end
end
for name in pairs(changed) do
	book.known[name] = book.known[name] or not sound[name]
end

-- The table of variants.
for line in each(dir .. '/variants.tsv') do
	if line:match('^#') then
		book.columns = fields((line:gsub('^#%s*', '')))
	elseif line ~= '' then
		table.insert(book.rows, fields(line))
	end
end

-- A short number for each piece, as a page has: chapter, then place in it.
local count = {}
for i, p in ipairs(book.order) do
	p.index = i
	count[p.stem] = (count[p.stem] or 0) + 1
	p.ref = (book.chapters[p.stem].number or '0') .. '.' .. count[p.stem]
end

for _, defs in pairs(book.defs) do
	table.sort(defs, function(a, b)
		return a.piece.index < b.piece.index
	end)
end

function book.page(stem)
	return stem .. '.html'
end

return book
