// Command trestle-kek-gcp has Google Cloud KMS wrap data keys, for whoever asks with a line of JSON on standard input, as [kek.Command] does. Credentials are found
// as Google's clients find them.
//
//	trestle-kek-gcp -key projects/shop/locations/europe-west3/keyRings/trestle/cryptoKeys/pii
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	kms "cloud.google.com/go/kms/apiv1"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/omninode/trestle/runtime/encrypt/gcpkms"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

// emulator is the variable with the address, host:port, of a server that is asked instead of Google's, without credentials.
const emulator = "TRESTLE_KMS_EMULATOR"

func main() {
	key := flag.String("key", "", "the resource name of a symmetric key: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *key); err != nil {
		fmt.Fprintln(os.Stderr, "trestle-kek-gcp:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, key string) error {
	var opts []option.ClientOption
	if address := os.Getenv(emulator); address != "" {
		opts = append(opts, option.WithEndpoint(address), option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	client, err := kms.NewKeyManagementClient(ctx, opts...)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // nothing is under way
	k, err := gcpkms.NewKEK(client, key)
	if err != nil {
		return err
	}
	return kek.Serve(ctx, k, os.Stdin, os.Stdout)
}
