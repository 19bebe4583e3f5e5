// Command trestle-kek-vault has the transit engine of Vault wrap data keys, for whoever asks with a line of JSON on standard input, as [kek.Command] does. Address
// and token are those of the variables VAULT_ADDR, VAULT_TOKEN and the others that Vault's own client reads.
//
//	trestle-kek-vault -key pii
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/hashicorp/vault/api"

	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/vault"
)

func main() {
	mount := flag.String("mount", "transit", "the path that the transit engine is mounted on")
	key := flag.String("key", "", "the key's name there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *mount, *key); err != nil {
		fmt.Fprintln(os.Stderr, "trestle-kek-vault:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, mount, key string) error {
	cfg := api.DefaultConfig()
	if cfg.Error != nil {
		return cfg.Error
	}
	client, err := api.NewClient(cfg)
	if err != nil {
		return err
	}
	k, err := vault.NewKEK(client, mount, key)
	if err != nil {
		return err
	}
	return kek.Serve(ctx, k, os.Stdin, os.Stdout)
}
