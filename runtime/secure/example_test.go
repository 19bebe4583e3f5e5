package secure_test

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/secure"
)

func ExampleSecret() {
	password := secure.Secret{Command: []string{"echo", "hunter2"}} // a password manager, say
	text, err := password.Read(context.Background())
	fmt.Println(password, len(text), err)
	// Output:
	// command echo 7 <nil>
}
