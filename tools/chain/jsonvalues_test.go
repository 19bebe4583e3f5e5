package chain

import (
	"encoding/json"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
)

// sampler makes values on both sides of what each keyword of a JSON Schema says. A library finds, on the way, which
// values are likely to be valid: what is inside of an object has to be, or the object's own keywords are not met. What
// judges are held to is not what it says.
type sampler struct {
	*rand.Rand
	files  *jsoncompile.Files
	path   string
	root   object
	around map[string][]any
	fit    map[string]func(any) bool
}

func newSampler(r *rand.Rand, path string, text []byte) *sampler {
	s := &sampler{
		Rand: r, files: jsoncompile.New(map[string][]byte{path: text}), path: path, root: parse(text).(object),
		around: map[string][]any{}, fit: map[string]func(any) bool{},
	}
	return s
}

// fits says whether a value is probably valid by the schema at a pointer.
func (s *sampler) fits(pointer string, v any) bool {
	fit, ok := s.fit[pointer]
	if !ok {
		fit = func(any) bool { return true }
		if compiled, err := s.files.Compile(s.path, pointer); err == nil {
			fit = func(v any) bool { return compiled.Validate(v) == nil }
		}
		s.fit[pointer] = fit
	}
	return fit(v)
}

// mostAround limits the values that are made for one schema.
const mostAround = 60

// values returns values near the borders of the schema at a pointer, on both sides of them, at most depth objects and
// arrays deep.
func (s *sampler) values(pointer string, schema any, depth int) []any {
	key := pointer + " " + strconv.Itoa(depth)
	if all, ok := s.around[key]; ok {
		return all
	}
	s.around[key] = []any{nil, "a", num(1)} // what refers to itself meets this
	all := distinct(s.make(pointer, schema, depth))
	if len(all) > mostAround {
		s.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:mostAround]
	}
	s.around[key] = all
	return all
}

// good is a value that is valid, if one is found.
func (s *sampler) good(pointer string, schema any, depth int) (any, bool) {
	all := s.values(pointer, schema, depth)
	for _, i := range s.Perm(len(all)) {
		if s.fits(pointer, all[i]) {
			return all[i], true
		}
	}
	return nil, false
}

func (s *sampler) make(pointer string, schema any, depth int) []any {
	o, ok := schema.(object)
	if !ok || len(o) == 0 {
		return slices.Clone(others)
	}
	var out []any
	if ref, ok := o["$ref"].(string); ok {
		if target, ok := find(s.root, ref[1:]); ok {
			out = append(out, s.values(ref[1:], target, depth)...)
		}
	}
	if v, ok := o["const"]; ok {
		out = append(out, v)
		out = append(out, twisted(v)...)
	}
	if list, ok := o["enum"].([]any); ok {
		for _, v := range list {
			out = append(out, v)
			out = append(out, twisted(v)...)
		}
	}
	if v, ok := o["default"]; ok {
		out = append(out, v)
	}
	for _, kind := range kindsOf(o) {
		switch kind {
		case "string":
			out = append(out, strings_(o)...)
		case "integer", "number":
			out = append(out, numbers(o)...)
		case "boolean":
			out = append(out, true, false)
		case "null":
			out = append(out, nil)
		case "array":
			out = append(out, s.arrays(pointer, o, depth)...)
		case "object":
			out = append(out, s.objects(pointer, o, depth)...)
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := o[keyword].([]any)
		for i, item := range list {
			out = append(out, s.values(pointer+"/"+keyword+"/"+strconv.Itoa(i), item, depth)...)
		}
	}
	for _, keyword := range []string{"not", "if", "then", "else"} {
		if item, ok := o[keyword]; ok && kindsOf(o)[0] != "object" {
			out = append(out, s.values(pointer+"/"+keyword, item, depth)...)
		}
	}
	for range 4 {
		out = append(out, pick(s, others))
	}
	return out
}

// others are values of every type.
var others = []any{
	nil, true, false, "", "a", "ü", num(0), num(1), num(-1), json.Number("1.5"), json.Number("1.0"), json.Number("12345678901234567890"),
	[]any{}, []any{num(1)}, []any{nil}, object{}, object{"a": num(1)}, object{"zz": nil},
}

// twisted are values that are almost another.
func twisted(v any) []any {
	switch x := v.(type) {
	case string:
		return []any{x + "x", strings.ToUpper(x)}
	case bool:
		return []any{!x, num(0), num(1)}
	case json.Number:
		out := []any{json.Number(x.String() + "0")}
		if !strings.ContainsAny(x.String(), ".e") {
			out = []any{json.Number(x.String() + ".0"), json.Number(x.String() + ".5"), x.String()}
		}
		return out
	case []any:
		return []any{append(slices.Clone(x), num(1)), object{}}
	case object:
		more := maps.Clone(x)
		more["zz"] = num(1)
		return []any{more, []any{}}
	}
	return []any{false, num(0), ""}
}

// kindsOf are the types that a schema has, or those that its keywords are about.
func kindsOf(o object) []string {
	switch t := o["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, name := range t {
			out = append(out, name.(string))
		}
		return out
	}
	var out []string
	for kind, keywords := range map[string][]string{
		"string": {"minLength", "maxLength", "pattern", "format"},
		"number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
		"array":  {"items", "minItems", "maxItems", "uniqueItems", "prefixItems", "contains"},
		"object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties", "propertyNames"},
	} {
		if slices.ContainsFunc(keywords, func(k string) bool { return o[k] != nil }) {
			out = append(out, kind)
		}
	}
	if slices.Sort(out); len(out) == 0 {
		return []string{""}
	}
	return out
}

func strings_(o object) []any {
	var out []any
	add := func(list ...string) {
		for _, text := range list {
			out = append(out, text)
		}
	}
	if name, ok := o["format"].(string); ok {
		add(formatTexts[name].in...)
		add(formatTexts[name].out...)
	}
	for _, p := range ecmaPatterns {
		if o["pattern"] == p.text {
			add(p.in...)
			add(p.out...)
		}
	}
	if o["contentEncoding"] != nil {
		add("", "YQ==", "YWI=", "YQ", "_-8=", "a", "Y Q==", "YQ=", "YR==")
	}
	for _, keyword := range []string{"minLength", "maxLength"} {
		if n, ok := countOf(o[keyword]); ok {
			for _, unit := range []string{"a", "é", "😀", "e\u0301"} {
				for _, m := range []int{n - 1, n, n + 1} {
					if m >= 0 {
						add(strings.Repeat(unit, m))
					}
				}
			}
		}
	}
	add("a", "")
	return out
}

func countOf(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(n.String())
	return i, err == nil
}

func numbers(o object) []any {
	out := []any{num(0), num(1), json.Number("2.5"), json.Number("3.0")}
	around := func(text string) {
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			return
		}
		for _, step := range []string{"0", "1", "-1", "0.5", "-0.001"} {
			s, _ := new(big.Rat).SetString(step)
			out = append(out, decimal(new(big.Rat).Add(r, s)))
		}
		out = append(out, json.Number(text))
	}
	for _, keyword := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		if n, ok := o[keyword].(json.Number); ok {
			around(n.String())
		}
	}
	if n, ok := o["multipleOf"].(json.Number); ok {
		r, _ := new(big.Rat).SetString(n.String())
		for _, factor := range []int64{1, 3, -7, 1000} {
			out = append(out, decimal(new(big.Rat).Mul(r, big.NewRat(factor, 1))))
		}
		around(n.String())
	}
	switch o["format"] {
	case "int32":
		around("2147483647")
		around("-2147483648")
	case "float":
		out = append(out, json.Number("3.4e38"), json.Number("3.5e38"), json.Number("1e-50"), json.Number("16777217"))
	}
	if o["type"] == "integer" {
		around("9223372036854775807")
		around("-9223372036854775808")
	} else {
		out = append(out, json.Number("1e400"), json.Number("-1e308"), json.Number("1e-400"))
	}
	return out
}

// decimal writes a number without an exponent.
func decimal(r *big.Rat) json.Number {
	if r.IsInt() {
		return json.Number(r.Num().String())
	}
	text := strings.TrimRight(r.FloatString(12), "0")
	return json.Number(text)
}

func (s *sampler) arrays(pointer string, o object, depth int) []any {
	out := []any{[]any{}}
	if depth == 0 {
		return out
	}
	var prefix []any
	list, _ := o["prefixItems"].([]any)
	for i, item := range list {
		v, _ := s.good(pointer+"/prefixItems/"+strconv.Itoa(i), item, depth-1)
		prefix = append(prefix, v)
		for _, v := range s.few(s.values(pointer+"/prefixItems/"+strconv.Itoa(i), item, depth-1), 5) {
			out = append(out, append(slices.Clone(prefix[:i]), v))
		}
	}
	out = append(out, prefix)
	items, ok := o["items"]
	if !ok {
		items = true
	}
	each := s.values(pointer+"/items", items, depth-1)
	if contains, ok := o["contains"]; ok {
		each = append(s.few(each, 10), s.few(s.values(pointer+"/contains", contains, depth-1), 10)...)
		v, _ := s.good(pointer+"/contains", contains, depth-1)
		out = append(out, []any{v}, []any{v, v}, []any{v, v, v})
	}
	if rest, ok := o["unevaluatedItems"].(object); ok {
		each = append(s.few(each, 10), s.values(pointer+"/unevaluatedItems", rest, depth-1)...)
	}
	var good []any
	for _, v := range each {
		if s.fits(pointer+"/items", v) {
			good = append(good, v)
		}
	}
	for _, v := range s.few(each, 12) {
		out = append(out, append(slices.Clone(prefix), v))
	}
	sizes := []int{2, 3}
	for _, keyword := range []string{"minItems", "maxItems"} {
		if n, ok := countOf(o[keyword]); ok {
			sizes = append(sizes, n-1, n, n+1)
		}
	}
	for _, n := range sizes {
		n -= len(prefix)
		if n <= 0 || len(good) == 0 {
			continue
		}
		out = append(out, append(slices.Clone(prefix), slices.Repeat(good[:1], n)...))
		if len(good) >= n {
			s.Shuffle(len(good), func(i, j int) { good[i], good[j] = good[j], good[i] })
			out = append(out, append(slices.Clone(prefix), good[:n]...))
		}
	}
	if o["uniqueItems"] == true {
		out = append(out, []any{num(1), json.Number("1.0")}, []any{object{"a": num(1), "b": num(2)}, object{"b": num(2), "a": num(1)}}, []any{num(1), true}, []any{num(0), false})
	}
	return out
}

// objects are an object that is likely to be valid, and what becomes of it by one change.
func (s *sampler) objects(pointer string, o object, depth int) []any {
	out := []any{object{}}
	if depth == 0 {
		return out
	}
	properties, _ := o["properties"].(object)
	base := s.base(pointer, o, properties, depth)
	out = append(out, base)
	with := func(name string, v any) {
		changed := maps.Clone(base)
		changed[name] = v
		out = append(out, changed)
	}
	for _, name := range sortedKeys(properties) {
		without := maps.Clone(base)
		delete(without, name)
		out = append(out, without)
		n := 9
		if name == focusName {
			n = 18
		}
		for _, v := range s.few(s.values(pointer+"/properties/"+escaped(name), properties[name], depth-1), n) {
			with(name, v)
		}
		if s.IntN(2) == 0 {
			with(name, nil)
		}
	}
	for _, keyword := range []string{"additionalProperties", "unevaluatedProperties"} {
		if rest, ok := o[keyword]; ok {
			for _, v := range s.few(s.values(pointer+"/"+keyword, rest, depth-1), 8) {
				with("zz", v)
			}
		}
	}
	with("zz", num(1))
	with("new", nil)
	patterns, _ := o["patternProperties"].(object)
	for pattern, rest := range patterns {
		for _, v := range s.few(s.values(pointer+"/patternProperties/"+escaped(pattern), rest, depth-1), 8) {
			with(map[string]string{"^x": "xx", "^[a-c]$": "b", "_": "_"}[pattern], v)
		}
	}
	if o["propertyNames"] != nil {
		for _, name := range []string{"", "A", "abcde", "b", "é", "550e8400-e29b-41d4-a716-446655440000"} {
			with(name, num(1))
			if len(base) > 0 && properties == nil {
				out = append(out, object{name: base[sortedKeys(base)[0]]})
			}
		}
	}
	for _, keyword := range []string{"minProperties", "maxProperties"} {
		if n, ok := countOf(o[keyword]); ok {
			out = append(out, s.sized(base, n-1), s.sized(base, n), s.sized(base, n+1))
		}
	}
	for _, keyword := range []string{"dependentRequired", "dependentSchemas"} {
		for name := range asObject(o[keyword]) {
			with(name, "a")
			without := maps.Clone(base)
			delete(without, name)
			out = append(out, without)
		}
	}
	return append(out, s.combined(pointer, o, base, depth)...)
}

// combined are objects changed by what conditions and combinations of an object say.
func (s *sampler) combined(pointer string, o object, base object, depth int) []any {
	var out []any
	merge := func(at string, schema any) {
		for _, v := range s.few(s.values(at, schema, depth), 6) {
			more, ok := v.(object)
			if !ok {
				continue
			}
			merged := maps.Clone(base)
			maps.Copy(merged, more)
			out = append(out, merged)
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := o[keyword].([]any)
		for i, item := range list {
			merge(pointer+"/"+keyword+"/"+strconv.Itoa(i), item)
		}
	}
	for _, keyword := range []string{"not", "if", "then", "else"} {
		if item, ok := o[keyword]; ok {
			merge(pointer+"/"+keyword, item)
		}
	}
	for name, item := range asObject(o["dependentSchemas"]) {
		merge(pointer+"/dependentSchemas/"+escaped(name), item)
	}
	return out
}

// base is an object of valid properties, a valid one if one is found.
func (s *sampler) base(pointer string, o, properties object, depth int) object {
	var required []any
	switch list := o["required"].(type) {
	case []any:
		required = list
	}
	var out object
	for range 8 {
		out = object{}
		for _, name := range sortedKeys(properties) {
			if !slices.Contains(required, any(name)) && s.IntN(3) == 0 {
				continue
			}
			if v, ok := s.good(pointer+"/properties/"+escaped(name), properties[name], depth-1); ok {
				out[name] = v
			}
		}
		if rest, ok := o["additionalProperties"].(object); ok && (properties == nil || s.IntN(2) == 0) {
			if v, ok := s.good(pointer+"/additionalProperties", rest, depth-1); ok {
				out[pick(s, []string{"a", "b", "k"})] = v
			}
		}
		if s.fits(pointer, out) {
			break
		}
	}
	return out
}

// sized is an object with so many members.
func (s *sampler) sized(base object, n int) object {
	out := object{}
	for _, name := range sortedKeys(base) {
		if len(out) < n {
			out[name] = base[name]
		}
	}
	for i := 0; len(out) < n; i++ {
		out["n"+strconv.Itoa(i)] = num(i)
	}
	return out
}

func (s *sampler) few(list []any, n int) []any {
	if len(list) <= n {
		return slices.Clone(list)
	}
	var out []any
	for _, i := range s.Perm(len(list))[:n] {
		out = append(out, list[i])
	}
	return out
}

func asObject(v any) object {
	o, _ := v.(object)
	return o
}

func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// find follows a JSON pointer.
func find(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		if list, ok := v.([]any); ok {
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(list) {
				return nil, false
			}
			v = list[i]
			continue
		}
		o, ok := v.(object)
		if !ok {
			return nil, false
		}
		if v, ok = o[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]; !ok {
			return nil, false
		}
	}
	return v, true
}

func parse(text []byte) any {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(err) // it was made here
	}
	return v
}

func write(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // it is made of what JSON has
	}
	return []byte(strings.TrimSpace(b.String()))
}

func distinct(list []any) []any {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(v any) bool {
		key := string(write(v))
		known := seen[key]
		seen[key] = true
		return known
	})
}
