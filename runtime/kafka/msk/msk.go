// Package msk lets clients into Amazon MSK by IAM, with the credentials that the AWS SDK finds: variables, profiles, roles of machines, containers and
// Kubernetes, single sign-on. It is a module of its own, so that nobody else's dependencies grow by the SDK.
//
//	cfg, err := config.LoadDefaultConfig(ctx) // github.com/aws/aws-sdk-go-v2/config
//	...
//	conn := kafka.Connection{Brokers: brokers, TLS: &tls.Config{}, SASL: []sasl.Mechanism{msk.SASL(cfg)}}
//
// Who has the keys in environment variables needs none of it: package kafka has AWS_MSK_IAM for them.
package msk

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/sasl"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"
)

// SASL returns the mechanism AWS_MSK_IAM with the credentials of an AWS configuration, which are asked for with each connection: those that expire are renewed by
// the SDK. MSK takes it on its ports for IAM alone, with TLS.
func SASL(cfg aws.Config) sasl.Mechanism {
	return mskiam.ManagedStreamingIAM(func(ctx context.Context) (mskiam.Auth, error) {
		if cfg.Credentials == nil {
			return mskiam.Auth{}, errors.New("AWS_MSK_IAM: the AWS configuration has no credentials")
		}
		found, err := cfg.Credentials.Retrieve(ctx)
		if err != nil {
			return mskiam.Auth{}, fmt.Errorf("AWS_MSK_IAM: %w", err)
		}
		return mskiam.Auth{AccessKey: found.AccessKeyID, SecretKey: found.SecretAccessKey, SessionToken: found.SessionToken}, nil
	})
}
