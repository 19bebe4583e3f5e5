package values

import (
	"strings"

	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
)

// textForm is a form that strings may have. Expressions are of ECMA-262.
type textForm struct {
	surely string            // all that match are of the form
	parts  []string          // forms that are part of this one
	check  func(string) bool // what readers run; nil where all of the form is in surely and parts
	within string            // all of the form match
	most   int               // characters, 0 for no limit
	of     []string          // forms that this one is part of
}

// Parts of expressions.
const (
	exprLabel   = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	exprShort   = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,14}[A-Za-z0-9])?`
	exprOctet   = `(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	exprIPv4    = exprOctet + `(?:\.` + exprOctet + `){3}`
	exprGroup   = `[0-9A-Fa-f]{1,4}`
	exprMayIPv6 = `[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`
	exprIPv6    = `(?:(?:G:){7}G|(?:G:){1,7}:|(?:G:){1,6}:G|(?:G:){1,5}(?::G){1,2}|(?:G:){1,4}(?::G){1,3}|` +
		`(?:G:){1,3}(?::G){1,4}|(?:G:){1,2}(?::G){1,5}|G:(?::G){1,6}|:(?:(?::G){1,7}|:))`
	exprBits4  = `(?:3[0-2]|[12]?[0-9])`
	exprBits6  = `(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])`
	exprPort   = `(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0)`
	exprAtom   = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
	exprQuoted = `"(?:[ !#-\[\]-~]|\\[ -~])*"`
	exprDate   = `(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|` +
		`(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)`
	exprClock  = `(?:[01][0-9]|2[0-3]):[0-5][0-9]`
	exprZone   = `(?:[Zz]|[+-]` + exprClock + `)`
	exprTime   = exprClock + `:[0-5][0-9](?:\.[0-9]+)?`
	exprYears  = `(?!0000|0001|9999)` // of which no offset leads out of the years 1 to 9999
	exprDays   = `(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)`
	exprHours  = `(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)`
	exprScheme = `[A-Za-z][A-Za-z0-9+.-]*`
	exprPchar  = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})`
	exprPath   = `(?:` + exprPchar + `|\/)*`
	exprUser   = `(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?`
	exprHost   = `[A-Za-z0-9._~!$&'()*+,;=-]*(?::[0-9]*)?`
	// exprMayHost has literals of addresses, and bytes of which not all are UTF-8, too.
	exprMayHost   = `(?:\[[A-Za-z0-9._~!$&'()*+,;=:%-]*\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?`
	exprTail      = `(?:\?(?:` + exprPchar + `|[\/?])*)?(?:#(?:` + exprPchar + `|[\/?])*)?`
	exprNoScheme  = `(?!\/\/)(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})*(?:\/` + exprPath + `)?`
	exprName      = `[A-Za-z_][A-Za-z0-9_]*`
	exprNotDigits = `(?!(?:[^]*\.)?[0-9]+\.?$)` // the last label of a host name is not of digits alone
)

func ipv6(expr string) string { return strings.ReplaceAll(expr, "G", exprGroup) }

func absolute(host string) string {
	return "^" + exprScheme + `:(?:\/\/` + exprUser + host + `(?:\/` + exprPath + `)?|(?!\/\/)` + exprPath + `)` + exprTail + "$"
}

func relative(host string) string {
	return `^(?:\/\/` + exprUser + host + `(?:\/` + exprPath + `)?|` + exprNoScheme + `)` + exprTail + "$"
}

// textForms are the forms by name: of JSON Schema's formats, and of protovalidate's rules where these mean something else.
var textForms = map[string]textForm{
	"uuid":  {surely: "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
	"tuuid": {surely: "^[0-9a-fA-F]{32}$"},
	"ulid":  {surely: "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"},

	"date":              {surely: "^" + exprDate + "$"},
	"time":              {surely: "^" + exprTime + exprZone + "$", check: format.TimeOfDay, within: "^" + exprClock + `:(?:[0-5][0-9]|60)(?:\.[0-9]+)?` + exprZone + "$"},
	"date-time":         {parts: []string{"written date-time"}, surely: "^" + exprYears + exprDate + "[Tt ]" + exprTime + exprZone + "?$", check: format.DateTime, within: "^" + exprDate + "[Tt ]" + exprTime + exprZone + "?$"},
	"written date-time": {surely: "^" + exprYears + exprDate + "T" + exprTime + "(?:Z|[+-]" + exprClock + ")$"},
	"duration":          {surely: "^P(?:" + exprDays + "(?:T" + exprHours + ")?|T" + exprHours + "|[0-9]+W)$"},

	"email": {surely: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@" + exprLabel + `(?:\.` + exprLabel + ")*$"},
	"mailbox": {
		surely: "^" + exprAtom + `{1,16}(?:\.` + exprAtom + "{1,16}){0,2}@" + exprShort + `(?:\.` + exprShort + "){0,3}$",
		check:  format.Mailbox, most: 64 + 1 + 253,
		within: "^(?:" + exprAtom + `+(?:\.` + exprAtom + "+)*|" + exprQuoted + ")@(?:" + exprLabel + `(?:\.` + exprLabel + `)*|\[(?:` + exprIPv4 + "|IPv6:" + exprMayIPv6 + `)\])$`,
	},
	"hostname": {
		surely: "^" + exprNotDigits + "(?:" + exprLabel + "|" + exprShort + `(?:\.` + exprShort + `){0,3})\.?$`,
		check:  format.Hostname, within: "^" + exprNotDigits + exprLabel + `(?:\.` + exprLabel + `)*\.?$`, most: 254,
	},
	"ipv4":      {surely: "^" + exprIPv4 + "$"},
	"bare ipv6": {surely: ipv6("^" + exprIPv6 + "$"), check: format.IPv6Bare, within: "^" + exprMayIPv6 + "$", most: 45},
	"ipv6": {
		parts: []string{"bare ipv6"}, surely: ipv6("^" + exprIPv6 + "%[^]+$"), check: format.IPv6, within: "^" + exprMayIPv6 + "(?:%[^]+)?$",
	},
	"ip":                  {parts: []string{"ipv4", "ipv6"}},
	"address":             {parts: []string{"hostname", "ip"}},
	"ipv4_with_prefixlen": {surely: "^" + exprIPv4 + `\/` + exprBits4 + "$"},
	"ipv6_with_prefixlen": {surely: ipv6("^" + exprIPv6 + `\/` + exprBits6 + "$"), check: format.IPv6WithPrefixLen, within: "^" + exprMayIPv6 + `\/` + exprBits6 + "$"},
	"ip_with_prefixlen":   {parts: []string{"ipv4_with_prefixlen", "ipv6_with_prefixlen"}},
	"ipv4_prefix": {
		surely: "^" + exprIPv4 + `\/32$|^` + exprOctet + `\.` + exprOctet + `\.` + exprOctet + `\.0\/24$|^` + exprOctet + `\.0\.0\.0\/8$`,
		check:  format.IPv4Prefix, of: []string{"ipv4_with_prefixlen"},
	},
	"ipv6_prefix": {surely: ipv6("^" + exprIPv6 + `\/128$`), check: format.IPv6Prefix, of: []string{"ipv6_with_prefixlen"}},
	"ip_prefix":   {parts: []string{"ipv4_prefix", "ipv6_prefix"}},
	"host_and_port": {
		surely: `^(?!(?:[^]*\.)?[0-9]+\.?:)` + exprShort + `(?:\.` + exprShort + `){0,3}\.?:` + exprPort + "$|^" + exprIPv4 + ":" + exprPort + "$",
		check:  format.HostAndPort,
		within: `^(?:` + exprLabel + `(?:\.` + exprLabel + `)*\.?|\[` + exprMayIPv6 + `(?:%[^]+)?\]):` + exprPort + "$",
	},

	"uri":           {surely: absolute(exprHost), check: format.URI, within: absolute(exprMayHost)},
	"uri-reference": {parts: []string{"uri"}, surely: relative(exprHost), check: format.URIReference, within: relative(exprMayHost) + "|" + absolute(exprMayHost)},
	"uri_ref":       {parts: []string{"uri-reference"}, check: format.URIRef, within: "^[!-~]*$"},

	"json-pointer": {surely: `^(?:\/(?:[^~\/]|~[01])*)*$`},
	"regex":        {surely: "^[A-Za-z0-9 ]*$", check: format.Regexp},

	"protobuf_fqn":       {surely: "^" + exprName + `(?:\.` + exprName + ")*$"},
	"protobuf_dot_fqn":   {surely: `^(?:\.` + exprName + ")+$"},
	"header name":        {surely: "^:?[A-Za-z0-9!#$%&'*+.^_|~`-]+$"},
	"header value":       {surely: `^[^\0-\x08\x0A-\x1F\x7F]*$`},
	"loose header value": {surely: `^[^\0\n\r]*$`},
	"loose header name":  {surely: `^[^\0\n\r]+$`},
}

// protovalidateOnly are the forms that no format of JSON Schema has the name of.
var protovalidateOnly = map[string]bool{
	"tuuid": true, "ulid": true, "ip": true, "address": true, "uri_ref": true, "ip_with_prefixlen": true, "ipv4_with_prefixlen": true,
	"ipv6_with_prefixlen": true, "ip_prefix": true, "ipv4_prefix": true, "ipv6_prefix": true, "host_and_port": true, "protobuf_fqn": true,
	"protobuf_dot_fqn": true, "mailbox": true, "bare ipv6": true, "header name": true, "header value": true, "loose header value": true,
	"loose header name": true,
	"written date-time": true,
}

// libraryFormat is a format of JSON Schema that readers leave to a library, everything for one that they do not know.
func (s *Space) libraryFormat(name string) *Shape {
	check := jsoncompile.FormatCheck(name)
	if check == nil {
		return s.Any()
	}
	return s.Opaque(String, "format "+name, textTest(check), formatSamples[name]...)
}
