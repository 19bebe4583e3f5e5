package celvalidate

import (
	pvcel "buf.build/go/protovalidate/cel"
	"cel.dev/cel-go/cel"
)

// Environment is CEL with the functions that protovalidate adds to it, for who runs expressions without a message.
func Environment() (*cel.Env, error) { return cel.NewEnv(cel.Lib(pvcel.NewLibrary())) }
