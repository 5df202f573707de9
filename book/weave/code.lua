-- SPDX-License-Identifier: GPL-2.0-only
--
-- Code into segments: { kind, text, target }, a list a line.  Kinds: chunk
-- (target: the chunk), name (target: the piece that defines it), comment,
-- definition, keyword, string, or nil for the rest.

local keywords = {}
for word in ([[break case char const continue default do double else enum
	extern float for goto if inline int long register return short signed
	sizeof static struct switch typedef union unsigned void volatile while
	bool u8 u16 u32 u64 s8 s16 s32 s64 asm]]):gmatch('%S+') do
	keywords[word] = true
end

return function(book)
	local code = {}

	-- The VMM and the guests are other programs than the module.
	local function program(file)
		return file:match('^src/vmm/') or file:match('^src/guest/') or 'module'
	end

	-- The definition that a name in this file means; without a file, in the
	-- prose of this chapter.
	function code.definition(key, file, chapter)
		local defs = book.defs[key] or {}
		if not file then
			for _, d in ipairs(defs) do
				if d.piece.stem == chapter then
					return d.piece
				end
			end
			return defs[1] and defs[1].piece
		end
		for _, d in ipairs(defs) do
			if d.file == file then
				return d.piece
			end
		end
		for _, d in ipairs(defs) do
			if not d.static and program(d.file) == program(file) then
				return d.piece
			end
		end
	end

	local function split(line, state, file, out)
		local i = 1
		local before = ''
		local function add(kind, text, target)
			out[#out + 1] = { kind, text, target }
			if text:match('%S') then
				before = text
			end
		end
		while i <= #line do
			local rest = line:sub(i)
			local text
			if state.comment then
				text = rest:match('^.-%*/')
				state.comment = not text
				text = text or rest
				add('comment', text)
			elseif rest:match('^/%*') then
				text = rest:match('^/%*.-%*/')
				state.comment = not text
				text = text or rest
				add('comment', text)
			elseif i == 1 and rest:match('^#%s*include%s*<') then
				text = rest:match('^.->') or rest
				add(nil, text)
			elseif rest:match('^//') or
			       (state.hash and rest:match('^#')) then
				text = rest
				add('comment', text)
			elseif rest:match('^"') then
				text = rest:match('^"[^"\\]*"')
				if not text then
					local j = 2
					while j <= #rest and rest:sub(j, j) ~= '"' do
						j = j + (rest:sub(j, j) == '\\' and 2 or 1)
					end
					text = rest:sub(1, j)
				end
				add('string', text)
			elseif rest:match('^[%a_]') then
				text = rest:match('^[%a_][%w_]*')
				local member = before:match('%.$') or before:match('%->$')
				local key = before:match('^struct$') and 'struct ' .. text
					or before:match('^union$') and 'union ' .. text
					or before:match('^enum$') and 'enum ' .. text or text
				local target = state.names and not member and
					code.definition(key, file)
				if target then
					add('name', text, { key, target })
				elseif keywords[text] and not state.hash then
					add('keyword', text)
				else
					add(nil, text)
				end
			else
				text = rest:match('^%->') or rest:match('^%s+') or
					rest:match('^%d[%w_]*') or rest:sub(1, 1)
				add(nil, text)
			end
			i = i + #text
		end
	end

	function code.lines(piece)
		local file = piece.file or piece.name
		local hash = not file:match('%.[chS]$')
		local state = { hash = hash, names = not hash or file:match('%.tsv$') }
		local lines = {}
		for _, line in ipairs(piece.lines) do
			local out = {}
			while true do
				local a, b, name = line:find('<<(.-)>>')
				if not a or not book.chunks[name] then
					break
				end
				split(line:sub(1, a - 1), state, file, out)
				out[#out + 1] = { 'chunk', name, book.chunks[name] }
				line = line:sub(b + 1)
			end
			split(line, state, file, out)
			lines[#lines + 1] = out
		end
		return lines
	end

	-- Who uses which name.
	for _, p in ipairs(book.order) do
		local seen = {}
		p.code = code.lines(p)
		for i, line in ipairs(p.code) do
			for _, s in ipairs(line) do
				local key = s[1] == 'name' and s[3][1]
				local defined
				for _, d in ipairs(key and book.defs[key] or {}) do
					if d.piece == p then
						defined = true
						s[1] = d.line == p.first + i - 1 and 'definition' or s[1]
					end
				end
				if key and not seen[key] then
					seen[key] = true
					book.users[key] = book.users[key] or {}
					if not defined then
						table.insert(book.users[key], p)
					end
				end
			end
		end
	end
	return code
end
