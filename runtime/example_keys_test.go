package trestle_test

import (
	"context"
	"fmt"
	"os"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/confluent"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/trestletest"
)

// Keys decrypt what schemas have encrypted. A handler that can't do without a field says so: if its key is denied or destroyed the event goes to its dead letter, and
// waits there, encrypted.
func ExampleWithKeys() {
	t := example()
	defer t.Close()
	check(os.Setenv("PII_KEK", "first MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="))
	keys, err := encrypt.NewKeys(new(encrypt.Memory), map[string]encrypt.Class{"pii": {KEK: kek.NewEnv("PII_KEK")}})
	check(err)
	defer keys.Close()

	handle := func(ctx context.Context, e *codegenv1.CodegenPatternRequest) error {
		if err := trestle.Require(ctx, "node_description"); err != nil {
			return err
		}
		fmt.Println(e.GetNodeDescription())
		return nil
	}
	trestletest.Handle(t, handle, patternRequest(3), trestle.WithKeys(keys), trestle.WithEncryptedOnly())
	// Output: writes orders to the ledger
}

// What Confluent's clients encrypt on a topic is decrypted by the rules in their registry. Other topics' records stay as they are, and nobody is asked about them.
func ExampleWithRecordCipher() {
	t := example()
	defer t.Close()
	client, err := registry.New("https://registry.example")
	check(err)
	kms, err := confluent.LocalKMS("a secret of development")
	check(err)
	cipher, err := confluent.New(client, map[string]encrypt.KEK{confluent.LocalType: kms}, confluent.WithTopics("signups"))
	check(err)

	handle := func(_ context.Context, e *codegenv1.CodegenPatternRequest) error {
		fmt.Println(e.GetNodeDescription())
		return nil
	}
	trestletest.Handle(t, handle, patternRequest(3), trestle.WithRecordCipher(cipher))
	// Output: writes orders to the ledger
}
