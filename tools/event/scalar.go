package event

import (
	"strconv"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// readScalar reads a value of a scalar kind; what cannot be read is its zero. ok is false for other kinds.
func readScalar(r *jsonio.Reader, kind schema.Kind) (v any, ok bool) {
	switch kind {
	case schema.Bool:
		return r.Bool(), true
	case schema.Int32:
		return r.Int32(), true
	case schema.Int64:
		return r.Int64(), true
	case schema.Uint32:
		return r.Uint32(), true
	case schema.Uint64:
		return r.Uint64(), true
	case schema.Float:
		return r.Float32(), true
	case schema.Double:
		return r.Float64(), true
	case schema.Bytes:
		return r.Bytes(), true
	case schema.String:
		return r.String(), true
	}
	return nil, false
}

// appendScalar appends what readScalar read. ok is false for other values.
func appendScalar(b []byte, v any) (_ []byte, ok bool, err error) {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v), true, nil
	case int32:
		return strconv.AppendInt(b, int64(v), 10), true, nil
	case int64:
		return strconv.AppendInt(b, v, 10), true, nil
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), true, nil
	case uint64:
		return strconv.AppendUint(b, v, 10), true, nil
	case float32:
		b, err = jsonio.AppendFloat32(b, v)
	case float64:
		b, err = jsonio.AppendFloat64(b, v)
	case []byte:
		return jsonio.AppendBytes(b, v), true, nil
	case string:
		b, err = jsonio.AppendString(b, v)
	default:
		return b, false, nil
	}
	return b, true, err
}
