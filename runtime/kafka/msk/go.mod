module github.com/omninode/trestle/runtime/kafka/msk

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/twmb/franz-go v1.22.3
)

require github.com/aws/smithy-go v1.28.9 // indirect
