package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

var sensitiveUnmarked = Rule{
	ID:       "SENSITIVE_UNMARKED",
	Purpose:  "what is named like a secret or personal data is marked sensitive",
	Why:      "What is not marked is shown: in logs, errors, dead letters' reasons, peek, trace and documents.",
	Severity: Warning,
	Field: func(c *Check, f *schema.Field) {
		if f.Sensitive || f.NotSensitive || !f.Message.Exposed {
			return
		}
		what, looks := looksSensitive(f)
		if !looks {
			return
		}
		fix := "mark it (trestle.v1.field).sensitive, or (trestle.v1.field).not_sensitive where it is none"
		if f.Language() == schema.JSONSchema {
			fix = `give it "x-trestle": {"field": {"sensitive": true}}, or "not_sensitive" where it is none`
		}
		c.Report(Problem{
			Message: fmt.Sprintf("%s is named like %s and is not marked sensitive: it will be shown wherever events are", f.Name, what),
			Fix:     fix,
		})
	},
}

// sensitiveName is how names end of fields that hold what nobody should see.
type sensitiveName struct {
	words string // singular, lower case, with a blank between
	what  string
	// number and time say that beside texts and bytes integers and timestamps can be such a value: a token is no number,
	// tokens may be counted.
	number, time bool
}

var sensitiveNames = []sensitiveName{
	{words: "email", what: "an email address"},
	{words: "e mail", what: "an email address"},
	{words: "phone", what: "a telephone number", number: true},
	{words: "telephone", what: "a telephone number", number: true},
	{words: "mobile", what: "a telephone number", number: true},
	{words: "msisdn", what: "a telephone number", number: true},
	{words: "street", what: "a postal address"},
	{words: "street name", what: "a postal address"},
	{words: "street line", what: "a postal address"},
	{words: "street address", what: "a postal address"},
	{words: "address line", what: "a postal address"},
	{words: "home address", what: "a postal address"},
	{words: "postal address", what: "a postal address"},
	{words: "mailing address", what: "a postal address"},
	{words: "billing address", what: "a postal address"},
	{words: "shipping address", what: "a postal address"},
	{words: "delivery address", what: "a postal address"},
	{words: "date of birth", what: "a date of birth", time: true},
	{words: "birth date", what: "a date of birth", time: true},
	{words: "birthdate", what: "a date of birth", time: true},
	{words: "birthday", what: "a date of birth", time: true},
	{words: "dob", what: "a date of birth", time: true},
	{words: "ssn", what: "a social security number", number: true},
	{words: "social security", what: "a social security number", number: true},
	{words: "national id", what: "an identity document", number: true},
	{words: "passport", what: "an identity document", number: true},
	{words: "tax id", what: "a tax number", number: true},
	{words: "tax number", what: "a tax number", number: true},
	{words: "iban", what: "a bank account"},
	{words: "bank account", what: "a bank account", number: true},
	{words: "card number", what: "a payment card", number: true},
	{words: "pan", what: "a payment card", number: true},
	{words: "cvv", what: "a payment card", number: true},
	{words: "cvc", what: "a payment card", number: true},
	{words: "token", what: "a secret"},
	{words: "secret", what: "a secret"},
	{words: "password", what: "a secret"},
	{words: "passwd", what: "a secret"},
	{words: "passphrase", what: "a secret"},
	{words: "pwd", what: "a secret"},
	{words: "credential", what: "a secret"},
	{words: "apikey", what: "a secret"},
	{words: "api key", what: "a secret"},
	{words: "access key", what: "a secret"},
	{words: "secret key", what: "a secret"},
	{words: "private key", what: "a secret"},
	{words: "signing key", what: "a secret"},
}

// harmlessNames end like a sensitive one and name a place in a list.
var harmlessNames = []string{"page token", "continuation token", "cursor token", "sync token"}

// neutralWords may follow what a field holds in its name, without making it something else, as in phone_number.
var neutralWords = []string{"number", "no", "address", "value", "text", "string", "raw", "plain", "plaintext", "hash"}

// looksSensitive says what a field is named like, where that is sensitive and values of its type could be it.
func looksSensitive(f *schema.Field) (what string, looks bool) {
	words := strings.Split(toSnake(f.Name), "_")
	for len(words) > 0 {
		for _, name := range sensitiveNames {
			if endsIn(words, name.words) && name.holds(f.Type) {
				return name.what, !slices.ContainsFunc(harmlessNames, func(h string) bool { return endsIn(words, h) })
			}
		}
		last := strings.TrimRight(words[len(words)-1], "0123456789")
		if last == "address" && last != words[len(words)-1] { // address1 is a line of one
			return "a postal address", sensitiveName{}.holds(f.Type)
		}
		if last != "" && !slices.ContainsFunc(neutralWords, func(n string) bool { return endsIn(words, n) }) {
			break
		}
		words = words[:len(words)-1]
	}
	return "", false
}

// endsIn says whether a name's words end in others, the last of which may be a plural, or have a number behind it.
func endsIn(words []string, name string) bool {
	ending := strings.Fields(name)
	if len(words) < len(ending) {
		return false
	}
	words = slices.Clone(words[len(words)-len(ending):])
	last := &words[len(words)-1]
	*last = strings.TrimRight(*last, "0123456789")
	singular := ending[len(ending)-1]
	if *last == singular+"s" || *last == singular+"es" {
		*last = singular
	}
	return slices.Equal(words, ending)
}

// holds says whether a value of the type, or one in it, could be what the name says.
func (n sensitiveName) holds(t *schema.Type) bool {
	for t.Elem != nil {
		t = t.Elem
	}
	if scalar, ok := values.Wrapped(t); ok {
		t = scalar
	}
	switch t.Kind {
	case schema.String: // what is one of a few texts is a word for something
		return t.Constraints.Const == "" && len(t.Constraints.In) == 0
	case schema.Bytes, schema.JSONValue:
		return true
	case schema.JSONObject:
		return t.Union == nil
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return n.number
	case schema.Timestamp:
		return n.time
	}
	return false
}
