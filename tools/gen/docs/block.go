package docs

// page is one page of the catalog.
type page struct {
	id    string // see pageID
	kind  string // "Event", "Topic"; empty for the index
	title string
	lead  []block // what it is
	flow  []flow  // who sends it through what to whom
	facts []fact
	body  []block
}

// The pages that there are one of.
const (
	indexPage  = "index"
	enumsPage  = "enums"
	groupsPage = "groups"
)

// span is a piece of a line.
type span struct {
	text  string
	code  bool
	badge badge
	to    link
}

// badge makes a span a mark.
type badge string

const (
	noBadge    badge = ""
	plainBadge badge = "plain"
	needBadge  badge = "need"
	warnBadge  badge = "warn"
)

// link is where a span leads: a page, a place on it, or the schema's source.
type link struct {
	page   string // id; empty with an anchor: the page it stands on
	anchor string
	source string // "omninode/codegen/v1/analysis.proto#L17"
}

func (l link) empty() bool { return l == link{} }

// inline is a line of text.
type inline []span

func plain(text string) inline { return inline{{text: text}} }
func code(text string) inline  { return inline{{text: text, code: true}} }

// and joins lines into one.
func and(parts ...inline) inline {
	var out inline
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// joined puts a separator between lines.
func joined(parts []inline, separator string) inline {
	var out inline
	for i, p := range parts {
		if i > 0 {
			out = append(out, span{text: separator})
		}
		out = append(out, p...)
	}
	return out
}

// fact is a name and what there is to say of it, in lines.
type fact struct {
	name  string
	lines []inline
}

// flow is the way of an event. Those that are not known are left out.
type flow struct {
	from []string
	via  inline
	to   []string
}

// block is a part of a page.
type block interface{ isBlock() }

type (
	// heading begins a section; its anchor, if any, can be linked to.
	heading struct {
		level  int // 2 or 3
		anchor string
		text   inline
	}
	// paragraph is running text.
	paragraph struct{ text inline }
	// list is a list of points.
	list struct{ items []inline }
	// listing is text as it is: an example, code in a comment.
	listing struct{ language, text string }
	// table has a row of names and cells of lines.
	table struct {
		label string // for screen readers
		head  []string
		rows  [][]cell
	}
	cell []inline
)

func (heading) isBlock()   {}
func (paragraph) isBlock() {}
func (list) isBlock()      {}
func (listing) isBlock()   {}
func (table) isBlock()     {}
