package awskms_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/awskms"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

var secret, bound = bytes.Repeat([]byte{7}, 32), []byte("context")

// A KEK of KMS keeps to what package encrypt asks of one, by the library and by the command, and so do data keys.
func TestKEK(t *testing.T) {
	endpoint := services.AWS(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := kms.NewFromConfig(cfg)
	newKey := func() string {
		t.Helper()
		key, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(key.KeyMetadata.Arn)
	}
	key, other := newKey(), newKey()
	account, _, _ := strings.Cut(key, ":key/")
	alias := account + ":alias/pii"
	if _, err := client.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/pii"), TargetKeyId: aws.String(key)}); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "trestle-kek-aws")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/trestle-kek-aws").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	library := func(key string) encrypt.KEK {
		t.Helper()
		k, err := awskms.NewKEK(client, key)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	keks := map[string]encrypt.KEK{"library": library(key), "alias": library(alias), "command": kek.NewCommand(program, "-key", key)}
	var all [][]byte
	for name, k := range keks {
		by, wrapped, err := k.Wrap(t.Context(), secret, bound)
		if err != nil || by != key || k.Name() != key || bytes.Contains(wrapped, secret) {
			t.Fatalf("%s: wrapped with %s as %x, its name is %s: %v", name, by, wrapped, k.Name(), err)
		}
		all = append(all, wrapped)
	}
	for name, k := range keks {
		for _, wrapped := range all {
			if got, err := k.Unwrap(t.Context(), key, wrapped, bound); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%s: %x, %v", name, got, err)
			}
		}
		changed := bytes.Clone(all[0])
		changed[len(changed)-1] ^= 1
		for what, test := range map[string]struct {
			name           string
			wrapped, bound []byte
			want           error
		}{
			"changed":                       {key, changed, bound, encrypt.ErrNotWrapped},
			"in another context":            {key, all[0], []byte("other"), encrypt.ErrNotWrapped},
			"with another key":              {other, all[0], bound, encrypt.ErrDenied}, // as moto has it; KMS answers IncorrectKeyException
			"with an unknown key":           {key[:len(key)-12] + "000000000000", all[0], bound, encrypt.ErrUnknownKEK},
			"with a key of another account": {strings.Replace(key, ":123456789012:", ":999999999999:", 1), all[0], bound, encrypt.ErrUnknownKEK},
			"with what is no key":           {"2026", all[0], bound, encrypt.ErrUnknownKEK},
		} {
			if got, err := k.Unwrap(t.Context(), test.name, test.wrapped, test.bound); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %x, %v", name, what, got, err)
			}
		}
	}

	var store encrypt.Memory
	keys := func(k encrypt.KEK) *encrypt.Keys {
		keys, err := encrypt.NewKeys(&store, map[string]encrypt.Class{"pii": {KEK: k}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(keys.Close)
		return keys
	}
	made, err := keys(keks["library"]).Current(t.Context(), "pii", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := keys(keks["command"]).ByID(t.Context(), made.ID()); err != nil || found.ID() != made.ID() {
		t.Errorf("%v, %v", found, err)
	}
	if n, err := keys(library(other)).Rewrap(t.Context(), "pii"); err != nil || n != 1 {
		t.Errorf("%d wrapped with another key, %v", n, err)
	}
}

// answering has KMS answer with an error, as the documentation of its API has it.
type answering struct {
	status     int
	code, text string
}

func (a answering) Do(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"` + a.code + `","message":"` + a.text + `"}`)),
	}, nil
}

// What KMS answers is told apart from that it did not answer.
func TestErrors(t *testing.T) {
	t.Parallel()
	const key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	for _, test := range []struct {
		answer answering
		want   error
	}{
		{answering{400, "AccessDeniedException", "User: x is not authorized to perform: kms:Decrypt"}, encrypt.ErrDenied},
		{answering{400, "DisabledException", key + " is disabled."}, encrypt.ErrDenied},
		{answering{400, "NotFoundException", "Key '" + key + "' does not exist"}, encrypt.ErrUnknownKEK},
		{answering{400, "KMSInvalidStateException", key + " is pending deletion."}, encrypt.ErrKEKDestroyed},
		{answering{400, "KMSInvalidStateException", key + " is unavailable."}, nil},
		{answering{400, "InvalidCiphertextException", ""}, encrypt.ErrNotWrapped},
		{answering{400, "IncorrectKeyException", ""}, encrypt.ErrNotWrapped},
		{answering{400, "ThrottlingException", "Rate exceeded"}, nil},
		{answering{400, "ExpiredTokenException", "The security token included in the request is expired"}, nil},
		{answering{500, "KMSInternalException", ""}, nil},
	} {
		k, err := awskms.NewKEK(kms.New(kms.Options{
			Region: "eu-central-1", HTTPClient: test.answer, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}), key)
		if err != nil {
			t.Fatal(err)
		}
		_, _, wrapErr := k.Wrap(context.Background(), secret, bound)
		_, unwrapErr := k.Unwrap(context.Background(), key, secret, bound)
		for _, err := range []error{wrapErr, unwrapErr} {
			for _, is := range []error{encrypt.ErrDenied, encrypt.ErrUnknownKEK, encrypt.ErrKEKDestroyed, encrypt.ErrNotWrapped} {
				if err == nil || errors.Is(err, is) != (is == test.want) {
					t.Errorf("%v: %v is, or is not, %v", test.answer, err, is)
				}
			}
		}
	}
	for _, key := range []string{"", "pii", "alias/pii", "arn:aws:s3:::pii", "arn:aws:kms:eu-central-1:111122223333:grant/x"} {
		if _, err := awskms.NewKEK(nil, key); err == nil {
			t.Errorf("there is a KEK of %q", key)
		}
	}
}
