// Package gen turns a schema model into everything that follows from it: Go, JSON Schema, Python, AsyncAPI, the catalog.
//
// [All] runs every generator and returns files in memory: it opens nothing and writes nothing, and its result depends
// on the model alone. [Diff], [Stale] and [Write] bring a folder to that state.
//
//	set, err := load.Schemas(ctx, load.Dir("schemas"))
//	if err != nil {
//		return err
//	}
//	files, err := gen.All(ctx, set, gen.Options{})
//	if err != nil {
//		return err
//	}
//	changes, err := gen.Write("gen", files)
package gen
