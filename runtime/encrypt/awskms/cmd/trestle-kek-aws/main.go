// Command trestle-kek-aws has AWS KMS wrap data keys, for whoever asks with a line of JSON on standard input, as [kek.Command] does. Credentials and region are
// found as the AWS SDK finds them.
//
//	trestle-kek-aws -key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/omninode/trestle/runtime/encrypt/awskms"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

func main() {
	key := flag.String("key", "", "the ARN of a symmetric key, or of an alias")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *key); err != nil {
		fmt.Fprintln(os.Stderr, "trestle-kek-aws:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, key string) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	k, err := awskms.NewKEK(kms.NewFromConfig(cfg), key)
	if err != nil {
		return err
	}
	return kek.Serve(ctx, k, os.Stdin, os.Stdout)
}
