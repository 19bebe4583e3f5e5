// Package keytopic keeps data keys on a compacted topic of Kafka, a record a key, wrapped: what the key is asks a KEK for. All programs of an environment share
// the topic, and those that decrypt follow it.
//
//	store, err := keytopic.New(conn, "trestle_keys")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile("pii.kek")}})
//
// The topic is made like others: it is among those of a project whose schemas encrypt fields.
package keytopic
