package jsonio

// MaxDepth is how deeply values may be nested: the objects and arrays that a Reader enters, and, counted on their own,
// those inside free-form text.
const MaxDepth = 512

// maxFaults bounds what one text can make a reader remember.
const maxFaults = 100

// Reader reads one JSON value from memory. Its first error sticks: from then on More is false and every value is
// zero, so that code which reads needs no error branches; ask Err when done. It is not for concurrent use.
//
// A value that is not of the type asked for is passed over, read as zero, and recorded as a [Fault].
type Reader struct {
	data     []byte
	pos      int
	start    int // of the value read last
	stack    []frame
	scratch  []byte // what an escaped name or string stands for
	err      *Error
	faults   []Fault
	hidden   int  // stack depth from which values are not shown in faults; 0: none
	holding  bool // what comes next holds what is not to be shown
	zoneless int
	strict   bool
	known    bool // only members that the schema names may be there
}

// frame is an object or array that is being read, and where in it.
type frame struct {
	nameStart, nameEnd int // inside of the member's name
	index              int // of the element, -1 before the first
	array              bool
	key                bool // the member is a map's entry
	escaped            bool
	named              bool // the object has had a member
}

// NewReader returns a reader of data, which must not change while it is read.
func NewReader(data []byte) *Reader {
	return &Reader{data: data, stack: make([]frame, 0, 8)}
}

// Reset makes r read data, as if new. [Reader.StrictTime] and [Reader.KnownOnly] stay as they were set.
func (r *Reader) Reset(data []byte) { r.ResetSpan(data, 0, len(data)) }

// ResetSpan makes r read data[start:end]; offsets count from the start of data.
func (r *Reader) ResetSpan(data []byte, start, end int) {
	*r = Reader{data: data[:end:end], pos: start, start: start, stack: r.stack[:0], scratch: r.scratch[:0], strict: r.strict, known: r.known}
}

// peek returns the first byte of the next token, 0 at the end.
func (r *Reader) peek() byte {
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		if c > ' ' || !isSpace(c) {
			return c
		}
		r.pos++
	}
	return 0
}

// fail records the first error and moves to the end of the text, where nothing can be read any more. What is wrong inside
// a sensitive value is not told, nor where in it, since that would tell something of the value.
func (r *Reader) fail(err *Error) {
	if r.err == nil {
		if r.hidden > 0 {
			err = &Error{Path: r.shownPath(), Offset: err.Offset, Message: notShown}
		} else {
			err.Path = JoinPath(r.Path(), err.Path)
		}
		r.err = err
	}
	r.pos = len(r.data)
}

// notShown is what is said of a sensitive value instead of what is wrong with it.
const notShown = "the value is not as it should be, and is not shown: the field is sensitive"

// Kind returns what the next value begins with: one of `{["0tfn`, where 0 is any number. It is 0 at the end of the
// text and after an error.
func (r *Reader) Kind() byte {
	c := r.peek()
	switch {
	case c == '-' || isDigit(c):
		return '0'
	case c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n':
		return c
	case r.pos < len(r.data):
		r.fail(notJSON(r.data, r.pos))
	}
	return 0
}

// BeginObject enters the next value. When that is not an object it is passed over, and BeginObject returns false.
func (r *Reader) BeginObject() bool {
	if r.peek() != '{' {
		r.mistyped("must be an object")
		return false
	}
	return r.enter(frame{index: -1})
}

// BeginArray enters the next value. When that is not an array it is passed over, and BeginArray returns false.
func (r *Reader) BeginArray() bool {
	if r.peek() != '[' {
		r.mistyped("must be an array")
		return false
	}
	return r.enter(frame{index: -1, array: true})
}

func (r *Reader) enter(f frame) bool {
	if len(r.stack) >= MaxDepth {
		r.fail(tooDeep(r.pos))
		return false
	}
	r.holding = false
	r.start = r.pos
	r.pos++
	r.stack = append(r.stack, f)
	return true
}

// More moves to the next member or element of the innermost object or array, or leaves it and returns false. Each
// value it moves to must be read or skipped before More is called again.
func (r *Reader) More() bool {
	if r.err != nil || len(r.stack) == 0 {
		return false
	}
	ends := r.hidden >= len(r.stack)
	f := &r.stack[len(r.stack)-1]
	more := false
	if f.array {
		more = r.moreElements(f)
	} else {
		more = r.moreMembers(f)
	}
	if ends {
		r.hidden = 0
	}
	return more
}

func (r *Reader) moreElements(f *frame) bool {
	c := r.peek()
	if c == ']' {
		r.pos++
		r.leave()
		return false
	}
	if f.index >= 0 {
		if c != ',' {
			r.leave()
			r.fail(unexpected(r.data, r.pos, "',' or ']'"))
			return false
		}
		r.pos++
		if r.peek() == ']' {
			f.index++
			r.fail(unexpected(r.data, r.pos, "a value"))
			return false
		}
	}
	f.index++
	return true
}

func (r *Reader) moreMembers(f *frame) bool {
	c := r.peek()
	if c == '}' {
		r.pos++
		r.leave()
		return false
	}
	if f.named {
		if c != ',' {
			r.leave()
			r.fail(unexpected(r.data, r.pos, "',' or '}'"))
			return false
		}
		r.pos++
		c = r.peek()
	}
	if c != '"' {
		r.leave()
		r.fail(unexpected(r.data, r.pos, "a member name in quotes"))
		return false
	}
	start := r.pos
	end, escaped, err := scanString(r.data, start)
	if err != nil {
		r.leave()
		r.fail(err)
		return false
	}
	f.named, f.key, f.escaped = true, false, escaped
	f.nameStart, f.nameEnd = start+1, end-1
	r.start, r.pos = start, end
	if r.peek() != ':' {
		r.leave()
		r.fail(unexpected(r.data, r.pos, "the ':' after a member name"))
		return false
	}
	r.pos++
	return true
}

// leave takes the innermost container off the stack.
func (r *Reader) leave() { r.stack = r.stack[:len(r.stack)-1] }

// Name returns the name of the member that More moved to: a view, valid until the next call.
func (r *Reader) Name() string {
	if len(r.stack) == 0 || r.err != nil {
		return ""
	}
	f := &r.stack[len(r.stack)-1]
	raw := r.data[f.nameStart:f.nameEnd]
	if f.escaped {
		r.scratch = appendUnescaped(r.scratch[:0], raw)
		raw = r.scratch
	}
	return stringOf(raw)
}

// Key is [Reader.Name] for the entry of a map, as a string to keep: it makes the path `labels["a"]`.
func (r *Reader) Key() string {
	name := string(bytesOf(r.Name()))
	if len(r.stack) > 0 {
		r.stack[len(r.stack)-1].key = true
	}
	return name
}

// Once marks the member that More moved to as seen, by its bit, 0 to 63; that it was seen before is an error.
func (r *Reader) Once(seen *uint64, bit uint) {
	mask := uint64(1) << bit
	if *seen&mask != 0 {
		r.Twice()
	}
	*seen |= mask
}

// Twice is the error of a member that stood in its object before.
func (r *Reader) Twice() {
	if r.err == nil {
		r.fail(&Error{Offset: r.start, Message: "the member stands twice in its object"})
	}
}

// Distinct is [Reader.Twice] where two of the members that were kept have one name.
func (r *Reader) Distinct(members []Member) {
	if len(members) < 8 {
		for i, m := range members {
			if HasMember(members[:i], m.Name) {
				r.Twice()
			}
		}
		return
	}
	names := make(map[string]struct{}, len(members))
	for _, m := range members {
		names[m.Name] = struct{}{}
	}
	if len(names) < len(members) {
		r.Twice()
	}
}

// Sensitive keeps the value of the member that More moved to, and all inside it, out of faults and errors: what is wrong
// inside the value is told of the value as a whole.
func (r *Reader) Sensitive() {
	if r.hidden == 0 || r.hidden > len(r.stack) {
		r.hidden = len(r.stack)
	}
}

// Holding says that the object or array that comes next holds what is sensitive: where it is none, what is there instead
// is not shown in the fault.
func (r *Reader) Holding() { r.holding = true }

// Skip passes over the next value, which must be JSON.
func (r *Reader) Skip() {
	if r.peek(); r.err == nil {
		r.start = r.pos
		r.skip(2*MaxDepth - len(r.stack))
	}
}

// Unknown passes over the value of a member that the schema does not name, and that nothing is kept of: a fault where all must
// be known.
func (r *Reader) Unknown() {
	r.Skip()
	if r.known {
		r.Fault(UnknownRule, UnknownMessage, nil)
	}
}

// The rule and the message of the faults that [Reader.KnownOnly] asks for.
const (
	UnknownRule    = "unknown"
	UnknownMessage = "the schema has no such field: it would be left out"
)

// KnownOnly says whether a member that the schema does not name, and that nothing is kept of, is a fault; by default it is
// passed over, as readers of newer events must.
func (r *Reader) KnownOnly(known bool) { r.known = known }

func (r *Reader) skip(depth int) bool {
	end, err := (&scanner{d: r.data}).value(r.pos, depth)
	if err != nil {
		r.fail(err)
		return false
	}
	r.pos = end
	return true
}

// Span passes over the next value and returns where it stands in the data given to the reader.
func (r *Reader) Span() (start, end int) {
	r.Skip()
	if r.err != nil {
		return 0, 0
	}
	return r.start, r.pos
}

// End says that the value has been read: nothing but white space may follow.
func (r *Reader) End() {
	if r.peek(); r.err == nil && r.pos < len(r.data) {
		r.fail(unexpected(r.data, r.pos, "the end of the text"))
	}
}

// mistyped passes over the next value and records that it is not of the type asked for.
func (r *Reader) mistyped(message string) {
	start := r.pos
	if r.Skip(); r.err == nil {
		var found any = Raw(r.data[start:min(r.pos, start+maxExcerpt+1)])
		if r.holding {
			found = nil
		}
		r.fault("type", message, found)
	}
	r.holding = false
}

// Fault records that the value read last breaks a rule. found is rendered by [Excerpt]; nil for none.
func (r *Reader) Fault(rule, message string, found any) {
	if r.err == nil {
		r.fault(rule, message, found)
	}
}

func (r *Reader) fault(rule, message string, found any) {
	if len(r.faults) >= maxFaults {
		return
	}
	f := Fault{Path: r.shownPath(), Rule: rule, Message: message, Offset: r.start}
	if !r.isHidden() {
		f.Found = Excerpt(found)
	}
	r.faults = append(r.faults, f)
}

// isHidden says whether what is being read is sensitive.
func (r *Reader) isHidden() bool { return r.hidden > 0 && len(r.stack) >= r.hidden }

// Missing records that the object that was just read lacks a member it must have.
func (r *Reader) Missing(name string) {
	if r.err == nil && len(r.faults) < maxFaults {
		path := r.shownPath()
		if !r.isHidden() {
			path = string(appendName([]byte(path), name))
		}
		r.faults = append(r.faults, Fault{Path: path, Rule: "required", Message: "value is required", Offset: r.pos})
	}
}

// Faults returns what was recorded, in the order of the text: the first 100.
func (r *Reader) Faults() []Fault { return r.faults }

// Err returns the first error, an [*Error], or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Offset returns the position in the text, in bytes; after an error, the error's.
func (r *Reader) Offset() int {
	if r.err != nil {
		return r.err.Offset
	}
	return r.pos
}

// Path returns the path of the value being read: `items[2].quantity`. It is empty at the top.
func (r *Reader) Path() string { return r.path(len(r.stack)) }

// shownPath is Path up to a sensitive value: names inside it may be part of it.
func (r *Reader) shownPath() string {
	if r.isHidden() {
		return r.path(r.hidden)
	}
	return r.Path()
}

// path is the path of so many objects and arrays.
func (r *Reader) path(depth int) string {
	if depth == 0 {
		return ""
	}
	var b []byte
	for i := range depth {
		f := &r.stack[i]
		switch {
		case f.array && f.index >= 0:
			b = appendIndex(b, f.index)
		case f.array || !f.named:
		case f.key:
			b = appendKey(b, memberName(r.data[f.nameStart:f.nameEnd], f.escaped))
		default:
			b = appendName(b, memberName(r.data[f.nameStart:f.nameEnd], f.escaped))
		}
	}
	return string(b)
}

// StrictTime says whether a time without a zone is a fault; by default it is taken as UTC and counted.
func (r *Reader) StrictTime(strict bool) { r.strict = strict }

// ZonelessTimes returns how many times without a zone were read.
func (r *Reader) ZonelessTimes() int { return r.zoneless }
