package lint

import (
	"testing"

	"github.com/omninode/trestle/tools/schema"
)

// Names are read by their words: what begins like a secret and ends as something else is none.
func TestLooksSensitive(t *testing.T) {
	t.Parallel()
	sensitive := map[schema.Kind][]string{
		schema.String: {
			"email", "e_mail", "eMail", "EMail", "customerEmail", "email_address", "email_addresses", "phoneNumbers", "emails", "ssn", "social_security", "socialSecurityNumber",
			"token", "access_token", "refreshToken", "tokenHash", "secret", "client_secret", "password", "passwordHash", "old_passwd", "pwd",
			"api_key", "apiKey", "APIKey", "apikey", "access_key", "private_key", "phone", "phone_number", "phone2", "mobile", "mobileNo", "iban",
			"card_number", "cvv", "pan", "passport", "passport_number", "date_of_birth", "dateOfBirth", "birth_date", "tax_id", "taxID",
			"street", "street_name", "streetAddress", "address_line_1", "addressLine2", "address1", "shipping_addresses", "credentials",
		},
		schema.Bytes:     {"secret", "private_key"},
		schema.JSONValue: {"credentials"},
		schema.Int64:     {"ssn", "phone", "card_number", "cvv"},
		schema.Timestamp: {"date_of_birth", "birthday"},
	}
	harmless := map[schema.Kind][]string{
		schema.String: {
			"tokenizer", "token_type", "token_id", "tokens_used", "secretary", "secret_name", "password_policy", "emailed_by", "email_template",
			"phonetic", "mobility", "ibanez", "company", "span", "pancake", "address", "ip_address", "listen_address", "streetcar", "compass", "key",
			"api_key_id", "access_key_id", "partition_key", "number", "hash", "text", "next_page_token", "continuationToken", "",
		},
		schema.Int64:     {"tokens", "token_count", "max_tokens", "emails", "passwords", "secrets", "street"},
		schema.Bool:      {"email", "password", "phone", "ssn"},
		schema.Double:    {"pan", "mobile"},
		schema.Timestamp: {"email", "password", "token"},
		schema.EnumKind:  {"token", "phone"},
	}
	for kind, names := range sensitive {
		for _, name := range names {
			if _, looks := looksSensitive(&schema.Field{Name: name, Type: &schema.Type{Kind: kind}}); !looks {
				t.Errorf("%s %s: not found", kind, name)
			}
		}
	}
	for kind, names := range harmless {
		for _, name := range names {
			if what, looks := looksSensitive(&schema.Field{Name: name, Type: &schema.Type{Kind: kind}}); looks {
				t.Errorf("%s %s: taken for %s", kind, name, what)
			}
		}
	}
}
