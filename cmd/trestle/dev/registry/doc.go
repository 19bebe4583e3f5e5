// Package registry is the Schema Registry of the development stack: Confluent's HTTP API for JSON and PROTOBUF
// schemas, in one process, its state in one file.
//
//	s, err := registry.NewServer("registry.json", checker, registry.Limits{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	return s.HTTP().Serve(listener)
//
// It refuses what is no schema, enforces compatibility by a [Checker] at the level set for the subject, else globally
// (default FULL_TRANSITIVE), and assigns one id to one schema text whatever the subject, as Confluent's registry does.
// Deleting is soft at first, and then for good, and not of what others refer to.
//
// It is for programs of this machine: requests of web pages, and those for other names, are refused.
package registry
