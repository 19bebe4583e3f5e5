// Package expr compiles expressions in CEL about records of Kafka: what all commands that take one know, and how much one may do.
package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// cost bounds what an expression may do for one record.
const cost = 1_000_000

// Record is what an expression knows of a record.
type Record struct {
	Value     any     // its JSON: maps by string, lists, and scalars
	Key       *string // nil: none
	EventType string
	Headers   map[string]string
	Timestamp time.Time
	Partition int32
	Offset    int64
}

// Program is an expression that was compiled. It may be used from many goroutines.
type Program struct{ program cel.Program }

// Compile reads an expression over value, key, event_type, headers (by name), timestamp, partition and offset, and what more declares. wanted names what it
// is to be, and fits says whether it can be of a type that is known beforehand. The error says where in the text it is wrong.
func Compile(text, wanted string, fits func(*cel.Type) bool, more ...cel.EnvOption) (*Program, error) {
	env, err := cel.NewEnv(append([]cel.EnvOption{
		cel.Variable("value", cel.DynType), cel.Variable("key", cel.DynType), cel.Variable("event_type", cel.StringType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)), cel.Variable("timestamp", cel.TimestampType),
		cel.Variable("partition", cel.IntType), cel.Variable("offset", cel.IntType), ext.Strings(),
	}, more...)...)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if t := checked.OutputType(); !t.IsExactType(cel.DynType) && !fits(t) {
		return nil, fmt.Errorf("%s is of type %v, and not %s", text, t, wanted)
	}
	program, err := env.Program(checked, cel.CostLimit(cost))
	return &Program{program}, err
}

// Eval is what the expression is for a record, and what more declared.
func (p *Program) Eval(r Record, more map[string]any) (ref.Val, error) {
	var key any
	if r.Key != nil {
		key = *r.Key
	}
	vars := map[string]any{
		"value": r.Value, "key": key, "event_type": r.EventType, "headers": r.Headers, "timestamp": r.Timestamp, "partition": int64(r.Partition), "offset": r.Offset,
	}
	for name, v := range more {
		vars[name] = v
	}
	out, _, err := p.program.Eval(vars)
	if err != nil {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return out, nil
}

// Holds says whether an expression that is true or false is true for a record. One that fails on it, as of a field that it lacks, is not true of it.
func (p *Program) Holds(r Record) bool {
	out, err := p.Eval(r, nil)
	if err != nil {
		return false
	}
	yes, ok := out.Value().(bool)
	return ok && yes
}
