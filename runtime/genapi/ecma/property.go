package ecma

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// propertyClass is the class of what stands in \p{…}; text is what RE2 calls it, empty where that has no name for it. ok is
// false for what is no property.
func propertyClass(name string) (class []rune, text string, ok bool) {
	key, value, hasValue := strings.Cut(name, "=")
	switch {
	case hasValue && (key == "General_Category" || key == "gc"):
		return category(value)
	case hasValue && (key == "Script" || key == "sc"):
		return script(value)
	case hasValue && (key == "Script_Extensions" || key == "scx"):
		class, ok := extendedScript(value)
		return class, "", ok
	case hasValue:
		return nil, "", false
	}
	if class, text, ok = category(name); ok {
		return class, text, true
	}
	class, ok = binaryProperty(name)
	return class, "", ok
}

// assigned are the categories of characters that are.
var assigned = []string{"L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Co", "Cs"}

// category is a general category, by its short or its long name.
func category(name string) (class []rune, text string, ok bool) {
	if alias, ok := unicode.CategoryAliases[name]; ok {
		name = alias
	}
	switch name {
	case "Cn":
		return inverse(categories(assigned...)), "", true
	case "C":
		return normal(slices.Concat(categories(name), inverse(categories(assigned...)))), "", true
	case "LC":
		return categories("Lu", "Ll", "Lt"), "", true
	}
	table, ok := unicode.Categories[name]
	if !ok {
		return nil, "", false
	}
	return pairsOf(table), `\p{` + name + `}`, true
}

func categories(names ...string) []rune {
	var out []rune
	for _, name := range names {
		out = append(out, pairsOf(unicode.Categories[name])...)
	}
	return normal(out)
}

// script is a script, by its short or its long name.
func script(name string) (class []rune, text string, ok bool) {
	name = scriptName(name)
	if name == "Unknown" {
		var known []rune
		for _, table := range unicode.Scripts {
			known = append(known, pairsOf(table)...)
		}
		return inverse(normal(known)), "", true
	}
	table, ok := unicode.Scripts[name]
	if !ok {
		return nil, "", false
	}
	return pairsOf(table), `\p{` + name + `}`, true
}

func scriptName(name string) string {
	aliases := strings.FieldsFunc(scriptAliases, func(r rune) bool { return r == ',' || r == '\n' })
	for _, alias := range aliases {
		if short, long, _ := strings.Cut(strings.TrimSpace(alias), " "); short == name {
			return long
		}
	}
	return name
}

// extendedScript is all that is used with a script.
func extendedScript(name string) ([]rune, bool) {
	class, _, ok := script(name)
	tables := extensions()
	name = scriptName(name)
	return without(normal(slices.Concat(class, tables["+"+name])), tables["-"+name]), ok
}

// binaryProperty is a property that a character has or has not.
func binaryProperty(name string) ([]rune, bool) {
	if long, ok := binaryAliases[name]; ok {
		name = long
	}
	switch name {
	case "Any":
		return anyRune, true
	case "Assigned":
		return categories(assigned...), true
	case "ASCII":
		return []rune{0, unicode.MaxASCII}, true
	case "XID_Start", "XID_Continue":
		class, _ := binaryProperty(name[1:])
		return without(class, properties()["-"+name]), true
	case "Grapheme_Base":
		extend, _ := binaryProperty("Grapheme_Extend")
		return without(categories(assigned...), normal(slices.Concat(extend, categories("Cc", "Cf", "Cs", "Co", "Zl", "Zp")))), true
	}
	if d, ok := derived[name]; ok {
		out := categories(d.categories...)
		for _, p := range d.properties {
			out = append(out, pairsOf(unicode.Properties[p])...)
		}
		out = normal(append(out, d.others...))
		for _, p := range d.less {
			out = without(out, pairsOf(unicode.Properties[p]))
		}
		return without(out, d.lessOthers), true
	}
	if class, ok := properties()[name]; ok && name[0] != '-' {
		return class, true
	}
	if table, ok := unicode.Properties[name]; ok && slices.Contains(plainProperties, name) {
		return pairsOf(table), true
	}
	return nil, false
}

// plainProperties are those of ECMA-262 that package unicode has as they are.
var plainProperties = []string{
	"ASCII_Hex_Digit", "Bidi_Control", "Dash", "Deprecated", "Diacritic", "Extender", "Hex_Digit", "IDS_Binary_Operator",
	"IDS_Trinary_Operator", "Ideographic", "Join_Control", "Logical_Order_Exception", "Noncharacter_Code_Point", "Pattern_Syntax",
	"Pattern_White_Space", "Quotation_Mark", "Radical", "Regional_Indicator", "Sentence_Terminal", "Soft_Dotted",
	"Terminal_Punctuation", "Unified_Ideograph", "Variation_Selector", "White_Space",
}

// derived are the properties that Unicode defines by others: all that is in the categories, the properties or among the
// others, less the last.
var derived = map[string]struct {
	categories, properties []string
	others                 []rune
	less                   []string
	lessOthers             []rune
}{
	"Alphabetic": {[]string{"L", "Nl"}, []string{"Other_Alphabetic", "Other_Lowercase", "Other_Uppercase"}, nil, nil, nil},
	"Lowercase":  {[]string{"Ll"}, []string{"Other_Lowercase"}, nil, nil, nil},
	"Uppercase":  {[]string{"Lu"}, []string{"Other_Uppercase"}, nil, nil, nil},
	"Cased":      {[]string{"Lu", "Ll", "Lt"}, []string{"Other_Lowercase", "Other_Uppercase"}, nil, nil, nil},
	"Math":       {[]string{"Sm"}, []string{"Other_Math"}, nil, nil, nil},
	"ID_Start":   {[]string{"L", "Nl"}, []string{"Other_ID_Start"}, nil, []string{"Pattern_Syntax", "Pattern_White_Space"}, nil},
	"ID_Continue": {
		[]string{"L", "Nl", "Mn", "Mc", "Nd", "Pc"},
		[]string{"Other_ID_Start", "Other_ID_Continue"},
		nil,
		[]string{"Pattern_Syntax", "Pattern_White_Space"},
		nil,
	},
	"Grapheme_Extend": {[]string{"Me", "Mn"}, []string{"Other_Grapheme_Extend"}, nil, nil, nil},
	"Default_Ignorable_Code_Point": {
		[]string{"Cf"}, []string{"Other_Default_Ignorable_Code_Point", "Variation_Selector"}, nil,
		[]string{"White_Space", "Prepended_Concatenation_Mark"}, []rune{0xFFF9, 0xFFFB, 0x13430, 0x1343F},
	},
}

// binaryAliases are the short names of properties.
var binaryAliases = map[string]string{
	"Alpha": "Alphabetic", "AHex": "ASCII_Hex_Digit", "Bidi_C": "Bidi_Control", "Bidi_M": "Bidi_Mirrored", "CI": "Case_Ignorable",
	"CWCF": "Changes_When_Casefolded", "CWCM": "Changes_When_Casemapped", "CWL": "Changes_When_Lowercased",
	"CWKCF": "Changes_When_NFKC_Casefolded", "CWT": "Changes_When_Titlecased", "CWU": "Changes_When_Uppercased",
	"DI": "Default_Ignorable_Code_Point", "Dep": "Deprecated", "Dia": "Diacritic", "EBase": "Emoji_Modifier_Base",
	"EComp": "Emoji_Component", "EMod": "Emoji_Modifier", "EPres": "Emoji_Presentation", "ExtPict": "Extended_Pictographic",
	"Ext": "Extender", "Gr_Base": "Grapheme_Base", "Gr_Ext": "Grapheme_Extend", "Hex": "Hex_Digit", "IDC": "ID_Continue",
	"IDS": "ID_Start", "IDSB": "IDS_Binary_Operator", "IDST": "IDS_Trinary_Operator", "Ideo": "Ideographic", "Join_C": "Join_Control",
	"LOE": "Logical_Order_Exception", "Lower": "Lowercase", "NChar": "Noncharacter_Code_Point", "Pat_Syn": "Pattern_Syntax",
	"Pat_WS": "Pattern_White_Space", "QMark": "Quotation_Mark", "RI": "Regional_Indicator", "SD": "Soft_Dotted",
	"STerm": "Sentence_Terminal", "Term": "Terminal_Punctuation", "UIdeo": "Unified_Ideograph", "Upper": "Uppercase",
	"VS": "Variation_Selector", "XIDC": "XID_Continue", "XIDS": "XID_Start", "space": "White_Space",
}

var (
	properties = sync.OnceValue(func() map[string][]rune { return readRanges(propertyRanges) })
	extensions = sync.OnceValue(func() map[string][]rune { return readRanges(scriptExtensions) })
)

func readRanges(table string) map[string][]rune {
	out := map[string][]rune{}
	name, last := "", rune(0)
	for word := range strings.FieldsSeq(table) {
		if next, ok := strings.CutSuffix(word, ":"); ok {
			name, last = next, 0
			continue
		}
		from, more, _ := strings.Cut(word, "-")
		low := last + number(from)
		last = low + number(more)
		out[name] = append(out[name], low, last)
	}
	return out
}

// number is a number in base 36, zero for none.
func number(s string) rune {
	n, _ := strconv.ParseInt(s, 36, 32)
	return rune(n)
}

func pairsOf(t *unicode.RangeTable) []rune {
	var out []rune
	add := func(low, high, stride rune) {
		if stride == 1 {
			out = append(out, low, high)
			return
		}
		for r := low; r <= high; r += stride {
			out = append(out, r, r)
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return normal(out)
}

// without are the characters of one class that are not in another.
func without(class, less []rune) []rune {
	if len(less) == 0 {
		return class
	}
	return inverse(normal(slices.Concat(inverse(class), less)))
}
