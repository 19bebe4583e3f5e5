package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// purposes say what each module is for. They are written by hand: nobody adds a module without saying why.
var purposes = map[string]string{
	"Go": "the standard library",
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go":                  "the options of protovalidate, and its violations as a message",
	"buf.build/go/protovalidate":                                                  "constraints written in CEL",
	"cel.dev/cel-go":                                                              "CEL, the language of such constraints",
	"cel.dev/expr":                                                                "of cel-go: CEL's syntax tree as messages",
	"cloud.google.com/go/auth":                                                    "of cloud.google.com/go/kms: finds credentials",
	"cloud.google.com/go/auth/oauth2adapt":                                        "of cloud.google.com/go/kms: credentials as golang.org/x/oauth2 has them",
	"cloud.google.com/go/compute/metadata":                                        "of cloud.google.com/go/auth: credentials of machines",
	"cloud.google.com/go/iam":                                                     "of cloud.google.com/go/kms: messages about rights",
	"cloud.google.com/go/kms":                                                     "has Google Cloud KMS wrap data keys",
	"cloud.google.com/go/longrunning":                                             "of cloud.google.com/go/kms: operations that take long",
	"github.com/antlr4-go/antlr/v4":                                               "of cel-go: its parser",
	"github.com/aws/aws-sdk-go-v2":                                                "how one logs in to Amazon MSK, and asks KMS",
	"github.com/aws/aws-sdk-go-v2/config":                                         "finds settings and credentials for KMS",
	"github.com/aws/aws-sdk-go-v2/credentials":                                    "of aws-sdk-go-v2/config: kinds of credentials",
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds":                               "of aws-sdk-go-v2/config: credentials of machines",
	"github.com/aws/aws-sdk-go-v2/internal/configsources":                         "of aws-sdk-go-v2/service/kms: settings of its endpoints",
	"github.com/aws/aws-sdk-go-v2/internal/endpoints/v2":                          "of aws-sdk-go-v2/service/kms: its endpoints",
	"github.com/aws/aws-sdk-go-v2/internal/v4a":                                   "of aws-sdk-go-v2/config: signatures for several regions",
	"github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding":               "of aws-sdk-go-v2/config: compressed answers",
	"github.com/aws/aws-sdk-go-v2/service/internal/presigned-url":                 "of aws-sdk-go-v2/config: signed addresses",
	"github.com/aws/aws-sdk-go-v2/service/kms":                                    "has AWS KMS wrap data keys",
	"github.com/aws/aws-sdk-go-v2/service/signin":                                 "of aws-sdk-go-v2/config: credentials of a signed-in user",
	"github.com/aws/aws-sdk-go-v2/service/sso":                                    "of aws-sdk-go-v2/config: single sign-on",
	"github.com/aws/aws-sdk-go-v2/service/ssooidc":                                "of aws-sdk-go-v2/config: single sign-on",
	"github.com/aws/aws-sdk-go-v2/service/sts":                                    "of aws-sdk-go-v2/config: credentials of roles",
	"github.com/aws/smithy-go":                                                    "of aws-sdk-go-v2: its protocols",
	"github.com/beorn7/perks":                                                     "of client_golang: quantiles",
	"github.com/bufbuild/protocompile":                                            "reads .proto files",
	"github.com/cenkalti/backoff/v4":                                              "of vault/api: pauses between attempts",
	"github.com/cespare/xxhash/v2":                                                "of client_golang and otel: hashes of labels",
	"github.com/dustin/go-humanize":                                               "of modernc.org/libc: sizes as text",
	"github.com/felixge/httpsnoop":                                                "of otelhttp: what a handler answers",
	"github.com/go-jose/go-jose/v4":                                               "of vault/api: tokens as JSON",
	"github.com/go-logr/logr":                                                     "of otel: its own log",
	"github.com/go-logr/stdr":                                                     "of otel: its own log",
	"github.com/gofrs/flock":                                                      "locks on files that several processes write: the spool, keys, the stack of `trestle dev`",
	"github.com/google/s2a-go":                                                    "of cloud.google.com/go/auth: TLS by the keys of a machine",
	"github.com/google/uuid":                                                      "UUIDs: event and correlation ids",
	"github.com/googleapis/enterprise-certificate-proxy":                          "of cloud.google.com/go/auth: certificates of a company's machines",
	"github.com/googleapis/gax-go/v2":                                             "of cloud.google.com/go/kms: calls and their retries",
	"github.com/hashicorp/errwrap":                                                "of go-multierror: errors in errors",
	"github.com/hashicorp/go-cleanhttp":                                           "of vault/api: HTTP clients of their own",
	"github.com/hashicorp/go-multierror":                                          "of vault/api: several errors as one",
	"github.com/hashicorp/go-retryablehttp":                                       "of vault/api: requests that are tried again",
	"github.com/hashicorp/go-rootcerts":                                           "of vault/api: authorities that are trusted",
	"github.com/hashicorp/go-secure-stdlib/parseutil":                             "of vault/api: durations and addresses in settings",
	"github.com/hashicorp/go-secure-stdlib/strutil":                               "of vault/api: lists of texts",
	"github.com/hashicorp/go-sockaddr":                                            "of parseutil: addresses",
	"github.com/hashicorp/hcl":                                                    "of vault/api: its own files",
	"github.com/hashicorp/vault/api":                                              "has the transit engine of Vault wrap data keys",
	"github.com/inconshreveable/mousetrap":                                        "of cobra: says that a program was started by a double click",
	"github.com/jackc/pgpassfile":                                                 "of pgx: password files",
	"github.com/jackc/pgservicefile":                                              "of pgx: service files",
	"github.com/jackc/pgx/v5":                                                     "PostgreSQL",
	"github.com/jackc/puddle/v2":                                                  "of pgx: its pool",
	"github.com/jhump/protoreflect/v2":                                            "prints the .proto files that a registry holds compiled",
	"github.com/klauspost/compress":                                               "of franz-go: gzip, snappy and zstd in batches of records",
	"github.com/mattn/go-isatty":                                                  "of modernc.org/libc: terminals",
	"github.com/mfridman/interpolate":                                             "of goose: variables in migrations",
	"github.com/mitchellh/go-homedir":                                             "of go-rootcerts: the home folder",
	"github.com/mitchellh/mapstructure":                                           "of vault/api: answers as values",
	"github.com/munnerz/goautoneg":                                                "of client_golang: what a scraper accepts",
	"github.com/ncruces/go-strftime":                                              "of modernc.org/libc: dates as text",
	"github.com/pierrec/lz4/v4":                                                   "of franz-go: lz4 in batches of records",
	"github.com/pressly/goose/v3":                                                 "migrations of stores",
	"github.com/prometheus/client_golang":                                         "the metrics of `trestle monitor`",
	"github.com/prometheus/client_model":                                          "of client_golang: metrics as messages",
	"github.com/prometheus/common":                                                "of client_golang: the formats of metrics",
	"github.com/prometheus/procfs":                                                "of client_golang: what the process uses",
	"github.com/remyoudompheng/bigfft":                                            "of modernc.org/mathutil: products of large numbers",
	"github.com/ryanuber/go-glob":                                                 "of strutil: patterns",
	"github.com/santhosh-tekuri/jsonschema/v6":                                    "JSON Schema: what no code is generated for",
	"github.com/sethvargo/go-retry":                                               "of goose: waits for its lock",
	"github.com/spf13/cobra":                                                      "commands and their help",
	"github.com/spf13/pflag":                                                      "of cobra: flags",
	"github.com/tink-crypto/tink-go/v2":                                           "encryption of values: AES-GCM and key sets",
	"github.com/twmb/franz-go":                                                    "the Kafka client",
	"github.com/twmb/franz-go/pkg/kadm":                                           "requests about topics, groups and rights",
	"github.com/twmb/franz-go/pkg/kfake":                                          "the cluster of `trestle dev` and of tests",
	"github.com/twmb/franz-go/pkg/kmsg":                                           "Kafka's requests and answers",
	"github.com/twmb/franz-go/pkg/sr":                                             "the client of Schema Registry",
	"go.opentelemetry.io/auto/sdk":                                                "of otel: spans for whoever instruments from outside",
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc": "of google.golang.org/api: spans of its calls",
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp":               "of google.golang.org/api: spans of its requests",
	"go.opentelemetry.io/otel":                                                    "names and contexts of OpenTelemetry; a program brings its own SDK",
	"go.opentelemetry.io/otel/log":                                                "of otel: its interface of logs",
	"go.opentelemetry.io/otel/metric":                                             "the interface of metrics",
	"go.opentelemetry.io/otel/trace":                                              "the interface of spans",
	"go.uber.org/multierr":                                                        "of goose: several errors as one",
	"go.yaml.in/yaml/v3":                                                          "trestle.yaml, and of cel-go: its settings",
	"golang.org/x/crypto":                                                         "of google.golang.org/api and vault/api: ChaCha20 and other ciphers",
	"golang.org/x/exp":                                                            "of antlr: generic helpers",
	"golang.org/x/net":                                                            "of grpc and vault/api: HTTP/2",
	"golang.org/x/oauth2":                                                         "tokens of OAUTHBEARER by client credentials",
	"golang.org/x/sync":                                                           "groups of goroutines, and one look-up for many who ask at once",
	"golang.org/x/sys":                                                            "calls of operating systems",
	"golang.org/x/term":                                                           "whether one is asked at a terminal",
	"golang.org/x/text":                                                           "numbers in sentences, forms of Unicode, passwords of PostgreSQL",
	"golang.org/x/time":                                                           "of google.golang.org/api and vault/api: limits of rates",
	"google.golang.org/api":                                                       "of cloud.google.com/go/kms: options of Google's clients",
	"google.golang.org/genproto":                                                  "of cloud.google.com/go/kms: messages that Google's services share",
	"google.golang.org/genproto/googleapis/api":                                   "of cel-go: types as messages",
	"google.golang.org/genproto/googleapis/rpc":                                   "of cel-go: statuses as messages",
	"google.golang.org/grpc":                                                      "of cloud.google.com/go/kms: gRPC",
	"google.golang.org/protobuf":                                                  "protobuf",
	"modernc.org/libc":                                                            "of modernc.org/sqlite: C's library in Go",
	"modernc.org/mathutil":                                                        "of modernc.org/libc: arithmetic",
	"modernc.org/memory":                                                          "of modernc.org/libc: memory",
	"modernc.org/sqlite":                                                          "SQLite, without C: the store of a single machine",
}

const head = `# What is linked

Made by ` + "`make generate`" + ` from what Go links, for Linux, macOS and Windows on amd64 and arm64; ` + "`make check-generate`" + ` fails where it is not up to date.
[Security](security.md#what-trestle-is-made-of) says how it is checked.

*In the command* is whether ` + "`trestle`" + ` links a module. *In a program* is whether one does that publishes or handles events: each of them, those that import what is
named, or none. Licences are named as SPDX does; where there are several, parts of the module are under each.

| module | version | licence | what it is for | in the command | in a program |
|---|---|---|---|---|---|
`

// render writes the page.
func render(found []*dependency) (string, error) {
	var page strings.Builder
	page.WriteString(head)
	var wrong []error
	known := map[string]bool{}
	for _, d := range found {
		known[d.Path] = true
		licence, err := d.Licence()
		if err != nil {
			wrong = append(wrong, err)
		}
		purpose := purposes[d.Path]
		if purpose == "" {
			wrong = append(wrong, fmt.Errorf("%s is linked, and nobody says what for: write it down in tools/release/dependencies/page.go", d.Path))
		}
		version := d.Version
		if version == "" {
			version = "that which builds"
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s | %s |\n", d.Path, version, licence, purpose, d.inCommand(), d.inProgram())
	}
	for name := range purposes {
		if !known[name] {
			wrong = append(wrong, fmt.Errorf("%s is not linked any more: take it out of tools/release/dependencies/page.go", name))
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return page.String(), errors.Join(wrong...)
}

func (d *dependency) inCommand() string {
	switch {
	case len(d.command) == 0:
		return "–"
	case len(d.command) == len(platforms):
		return "yes"
	}
	named := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}
	var systems []string
	for _, platform := range d.command {
		system, _, _ := strings.Cut(platform, "/")
		systems = append(systems, named[system])
	}
	slices.Sort(systems)
	return "on " + strings.Join(slices.Compact(systems), ", ")
}

func (d *dependency) inProgram() string {
	switch {
	case d.always:
		return "each"
	case len(d.packages) == 0:
		return "–"
	}
	return "`" + strings.Join(d.packages, "`, `") + "`"
}
