// Package secure says, in words that a file can hold, how connections are encrypted ([TLS]) and where secrets are found ([Secret]): for clusters
// (package kafka), registries and stores alike. Certificates and secrets that change are taken up without a restart.
package secure
