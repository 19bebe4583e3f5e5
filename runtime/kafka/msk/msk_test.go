package msk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Each connection is signed with the credentials that hold then.
func TestSASLAsksForCredentialsEachTime(t *testing.T) {
	keys := []string{"FIRST", "SECOND"}
	cfg := aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		if len(keys) == 0 {
			return aws.Credentials{}, errors.New("the role is gone")
		}
		key := keys[0]
		keys = keys[1:]
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "hunter2", SessionToken: "session-" + key}, nil
	})}
	mechanism := SASL(cfg)
	if mechanism.Name() != "AWS_MSK_IAM" {
		t.Errorf("it is %s", mechanism.Name())
	}
	for _, key := range []string{"FIRST", "SECOND"} {
		_, first, err := mechanism.Authenticate(t.Context(), "b-1.orders.abc123.c2.kafka.eu-central-1.amazonaws.com:9098")
		if err != nil {
			t.Fatal(err)
		}
		var signed map[string]string
		if err := json.Unmarshal(first, &signed); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(signed["x-amz-credential"], key+"/") || !strings.Contains(signed["x-amz-credential"], "/eu-central-1/kafka-cluster/") || signed["x-amz-security-token"] != "session-"+key {
			t.Errorf("signed with %v, want %s", signed, key)
		}
		if strings.Contains(string(first), "hunter2") {
			t.Error("the secret key was sent")
		}
	}
	if _, _, err := mechanism.Authenticate(t.Context(), "b-1.orders.abc123.c2.kafka.eu-central-1.amazonaws.com:9098"); err == nil || !strings.Contains(err.Error(), "the role is gone") {
		t.Errorf("without credentials: %v", err)
	}
	if _, _, err := SASL(aws.Config{}).Authenticate(t.Context(), "b-1.orders.abc123.c2.kafka.eu-central-1.amazonaws.com:9098"); err == nil {
		t.Error("without a provider it signs")
	}
}
