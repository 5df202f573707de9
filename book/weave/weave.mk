# SPDX-License-Identifier: GPL-2.0-only
#
# The book: build/book/html/index.html and build/book/twill.pdf.

BOOK := build/book
BOOK_CHAPTERS := $(sort $(wildcard book/*.nw))
BOOK_STEMS := $(BOOK_CHAPTERS:book/%.nw=%)
BOOK_PAGES := $(patsubst %,$(BOOK)/html/%.html,index $(BOOK_STEMS) chunks names)
BOOK_TOOLS := $(wildcard book/weave/*.lua book/weave/*.dot) book/references.bib
# What runs leave for the book to show; the rules are elsewhere.
BOOK_RECORDED := $(addprefix build/recorded/,$(sort $(shell \
	sed -n 's/^::: *{\.recorded file="\([^"]*\)".*/\1/p' $(BOOK_CHAPTERS))))
BOOK_FORMAT := markdown-auto_identifiers-implicit_header_references$(strip \
	)-tex_math_dollars-raw_tex-latex_macros-raw_html-fancy_lists-example_lists
PANDOC := pandoc --fail-if-warnings --wrap=none -f $(BOOK_FORMAT) --citeproc \
	--bibliography=book/references.bib --lua-filter=book/weave/filter.lua -M link-citations=true -M lang=en-GB

##@ Read, build, run
.PHONY: book
book: $(BOOK)/links-checked $(BOOK)/twill.pdf ## the book: build/book/html/index.html, build/book/twill.pdf
	@echo "book: $(BOOK)/html/index.html, $(BOOK)/twill.pdf"

build/stamps/need-book: book/weave/weave.mk
	@tests/need.sh noweb pandoc universal-ctags graphviz texlive-luatex \
		texlive-latex-recommended fonts-texgyre fonts-dejavu-core \
		fonts-dejavu-extra
	@mkdir -p $(@D) && touch $@

# Everything that weaving starts from; what did not change keeps its time.
$(BOOK)/collected: $(BOOK_CHAPTERS) tangle.sh book/weave/collect.sh \
		book/weave/split.awk | build/stamps/need-book
	@book/weave/collect.sh
	@touch $@

BOOK_NEEDS := $(BOOK)/collected $(BOOK_TOOLS) $(BOOK_RECORDED)

define page
@echo "  WEAVE   $@"
@mkdir -p $(@D)
@$(PANDOC) -t html5 --template=book/weave/page.html -M stem=$* \
	-M reference-section-title=Sources -o $@ $<
endef

$(BOOK)/html/index.html $(BOOK)/html/chunks.html $(BOOK)/html/names.html: \
		$(BOOK)/html/%.html: book/weave/%.md $(BOOK_NEEDS) book/weave/page.html
	$(page)

$(BOOK)/html/%.html: $(BOOK)/collected $(BOOK_NEEDS) book/weave/page.html
	$(subst $<,$(BOOK)/md/$*.md,$(page))

$(BOOK)/html/style.css: book/weave/style.css
	@mkdir -p $(@D) && cp $< $@

$(BOOK)/links-checked: $(BOOK_PAGES) $(BOOK)/html/style.css book/weave/links.awk
	@rm -f $(filter-out $^,$(wildcard $(BOOK)/html/*))
	@awk -f book/weave/links.awk $(filter $(BOOK)/html/%,$^)
	@touch $@

$(BOOK)/twill.pdf: $(BOOK_NEEDS) book/weave/book.tex book/weave/end.md \
		book/weave/pdf.sh
	@echo "  WEAVE   $@"
	@mkdir -p $(BOOK)/tex
	@$(PANDOC) -t latex --template=book/weave/book.tex --top-level-division=chapter \
		-o $(BOOK)/tex/twill.tex $(BOOK_STEMS:%=$(BOOK)/md/%.md) book/weave/end.md
	@book/weave/pdf.sh $(BOOK)/tex/twill.tex $@
