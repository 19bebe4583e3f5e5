package registry_test

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/secure"
)

// A registry that asks for a password, which may change while the program runs.
func Example() {
	client, err := registry.New("http://127.0.0.1:1",
		registry.WithCredentials(registry.Credentials{User: "orders", Password: secure.Secret{File: "/run/secrets/registry"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Check(context.Background()) != nil)
	// Output:
	// true
}
