// Package kek has the keys that wrap data keys where no KMS does: in a [File], in an environment variable ([Env]), or with a program that asks a KMS
// ([Command], and [Serve] for such a program).
//
//	if err := kek.Create("pii.kek", "2026"); err != nil {
//		return err
//	}
//	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile("pii.kek")}})
package kek
