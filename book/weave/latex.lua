-- SPDX-License-Identifier: GPL-2.0-only
--
-- How chunks, references and indexes look in LaTeX; book.tex defines the
-- commands.

return function(book)
	local latex = {}

	local special = {
		['\\'] = '\\textbackslash{}', ['{'] = '\\{', ['}'] = '\\}',
		['$'] = '\\$', ['&'] = '\\&', ['#'] = '\\#', ['_'] = '\\_',
		['%'] = '\\%', ['^'] = '\\char94{}', ['~'] = '\\char126{}',
		["'"] = '\\char39{}', ['`'] = '\\char96{}', ['"'] = '\\char34{}',
	}

	local function esc(text)
		return (text:gsub('[\\{}$&#_%%^~\'`"]', special))
	end

	-- Code inside a paragraph: it may break after _, /, . and between words.
	local function inline(text)
		return '\\texttt{' .. esc(text):gsub('\\_', '\\_\\allowbreak{}')
			:gsub('([/>.])', '%1\\allowbreak{}'):gsub('(%w)%-(%w)', '%1-\\allowbreak{}%2') .. '}'
	end
	latex.inline = inline

	function latex.phrase(text)
		local out = ''
		while text ~= '' do
			local a, b, inner = text:find('%[%[(.-)%]%]')
			local c, d, ticked = text:find('`(.-)`')
			if c and (not a or c < a) then
				a, b, inner = c, d, ticked
			end
			out = out .. esc(text:sub(1, (a or #text + 1) - 1)):gsub('\\char39{}', '’')
			if not a then
				break
			end
			out = out .. inline(inner)
			text = text:sub(b + 1)
		end
		return out
	end

	-- What stands before a chapter that begins a part.
	function latex.part(chapter)
		local part = chapter and chapter.part
		if not part or part.stem ~= chapter.stem then
			return ''
		end
		return (part.number and '\\part{' or '\\appendix\\addpart{') ..
			latex.phrase(part.title) .. '}'
	end

	function latex.chunk(c, plain)
		local name = c.base or c.name
		local text = name == c.pieces[1].file and inline(name) or
			'⟨\\textit{' .. latex.phrase(name) .. '}⟩'
		return plain and text or
			'\\hyperref[' .. c.pieces[1].label .. ']{' .. text .. '}'
	end

	local function pages(pieces)
		local out = {}
		for _, p in ipairs(pieces) do
			out[#out + 1] = p.label
		end
		return '\\pages{' .. table.concat(out, ',') .. '}'
	end

	local function variant(c, short)
		return '\\variantmark{' ..
			inline(short and c.variant:gsub('^.*/', '') or c.variant) .. '}'
	end

	local function footer(p)
		local c, out = p.chunk, {}
		local after = {}
		for i = p.number + 1, #c.pieces do
			after[#after + 1] = c.pieces[i]
		end
		if #after > 0 and p.number == 1 then
			out[#out + 1] = 'Continued on ' .. pages(after) .. '.'
		end
		if p.number > 1 then
			out[#out + 1] = 'Begun on ' .. pages { c.pieces[1] } .. '.'
		end
		if #c.used > 0 then
			out[#out + 1] = 'Used on ' .. pages(c.used) .. '.'
		end
		if c.others ~= '' then
			out[#out + 1] = 'Also in \\variantmark{' .. inline(c.others) .. '}.'
		end
		if c.base then
			out[#out + 1] = 'In place of the chunk on ' ..
				pages(book.chunks[c.base].pieces) .. '.'
		end
		if #c.variants > 0 and p.number == 1 then
			for _, v in ipairs(c.variants) do
				out[#out + 1] = 'Replaced in ' .. variant(v, true) .. ' on ' ..
					pages { v.pieces[1] } .. '.'
			end
		end
		return table.concat(out, ' ')
	end

	local style = { comment = '\\codecomment', keyword = '\\codekeyword' }

	-- Spaces that stay, tabs to the next eighth column.
	local function columns(text, column)
		local out = {}
		for char in text:gmatch(utf8.charpattern) do
			if char == '\t' then
				local n = 8 - column % 8
				out[#out + 1] = ('\\ '):rep(n)
				column = column + n
			else
				out[#out + 1] = char == ' ' and '\\ ' or esc(char)
				column = column + 1
			end
		end
		return table.concat(out), column
	end

	local function lines(p)
		local out, widest = {}, 79
		for _, line in ipairs(p.code) do
			local column, parts = 0, {}
			for _, s in ipairs(line) do
				local kind, target = s[1], s[3]
				local text
				if kind == 'chunk' then
					text = '\\codeuse{' .. latex.chunk(target) .. '~\\usepage{' ..
						target.pieces[1].label .. '}}'
				else
					text, column = columns(s[2], column)
					if kind == 'name' and target[2] ~= p then
						text = '\\hyperref[' .. target[2].label .. ']{' .. text .. '}'
					elseif kind == 'definition' then
						text = '\\codename{' .. text .. '}'
					elseif style[kind] then
						text = style[kind] .. '{' .. text .. '}'
					end
				end
				parts[#parts + 1] = text
			end
			local text = table.concat(parts)
			widest = math.max(widest, column > 82 and column or 0)
			out[#out + 1] = text == '' and '\\codegap' or '\\codeline{' .. text .. '}'
		end
		return out, widest
	end

	-- No break after the first line or before the last, or none at all.
	local function kept(list, whole)
		local out = {}
		for i, line in ipairs(list) do
			out[#out + 1] = line
			if i < #list then
				local near = whole or i < 3 or i > #list - 3
				local gap = list[i + 1] == '\\codegap' or line == '\\codegap'
				out[#out + 1] = near and '\\codekeep' or gap and '\\codebreak' or
					'\\codecan'
			end
		end
		return table.concat(out, '\n')
	end

	function latex.piece(p)
		local c = p.chunk
		local name
		if c.variant then
			name = '\\variantmark{' .. inline(c.first) .. '} ' ..
				latex.chunk(book.chunks[c.base])
		else
			name = latex.chunk(c, true)
		end
		local where = ''
		local code, widest = lines(p)
		if p.helper then
			where = #c.used > 1 and 'for variants' or
				'for ' .. variant(p.helper.chunk)
		elseif p.file and p.file ~= c.name then
			where = inline(p.file) .. (p.near and ', ' .. inline(p.near)
				:gsub('^(\\texttt{)(%a+) ', '%2 %1') or '')
		end
		return '\\begin{' .. ((c.variant or p.helper) and 'variantchunk' or 'chunk') ..
			'}{' .. p.label .. '}{' .. name .. ' ' ..
			(p.number > 1 and '+$\\equiv$' or '$\\equiv$') .. '}{' .. where .. '}{' .. widest .. '}\n' ..
			kept(code) .. '\n\\chunkused{' .. footer(p) .. '}\n\\end{' ..
			((c.variant or p.helper) and 'variantchunk' or 'chunk') .. '}'
	end

	-- A line of paper has no room for the columns of two tasks and a place in
	-- the code: of the place only the function stays.
	local function narrow(text)
		local place = '(%S  +[%w_]+) [%w_./-]+%.[chS]:%d+\n'
		local widest = 0
		for line in text:gmatch('[^\n]*\n') do
			widest = line:find(place) and math.max(widest, #line) or widest
		end
		return widest <= 92 and text or (text:gsub(place, '%1\n'))
	end

	-- Recorded output, as small as its longest line makes it; what is short
	-- stays on one page.
	function latex.recorded(text)
		local list, widest = {}, 0
		text = narrow(text:gsub(' +\n', '\n'))
		for line in (text:gsub('\n*$', '') .. '\n'):gmatch('([^\n]*)\n') do
			local shown, width = columns(line, 0)
			widest = math.max(widest, width)
			list[#list + 1] = shown == '' and '\\codegap' or '\\codeline{' .. shown .. '}'
		end
		return '\\begin{recorded}{' .. math.max(widest, 78) .. '}\n' ..
			kept(list, #list <= 28) .. '\n\\end{recorded}'
	end

	function latex.chunk_index(list)
		local out = { '\\begin{indexlist}' }
		for _, c in ipairs(list) do
			out[#out + 1] = '\\item ' .. (c.variant and variant(c) .. ' ' or '') ..
				latex.chunk(c) .. ' \\indexpages{' .. pages(c.pieces):sub(8, -2) ..
				'}{' .. pages(c.used):sub(8, -2) .. '}'
		end
		out[#out + 1] = '\\end{indexlist}'
		return table.concat(out, '\n')
	end

	function latex.name_index(list)
		local out = { '\\begin{indexlist}' }
		for _, key in ipairs(list) do
			local defined = {}
			for _, d in ipairs(book.defs[key]) do
				defined[#defined + 1] = d.piece
			end
			out[#out + 1] = '\\item ' .. inline(key) .. ' \\indexpages{' ..
				pages(defined):sub(8, -2) .. '}{' ..
				pages(book.users[key] or {}):sub(8, -2) .. '}'
		end
		out[#out + 1] = '\\end{indexlist}'
		return table.concat(out, '\n')
	end

	return latex
end
