package jsonio_test

import (
	"fmt"

	"github.com/omninode/trestle/runtime/jsonio"
)

func ExampleReader() {
	r := jsonio.NewReader([]byte(`{"limit": "many", "tags": ["a", "b"], "free": {"size": 9007199254740993}}`))
	for ok := r.BeginObject(); ok && r.More(); {
		switch r.Name() {
		case "limit":
			fmt.Println("limit:", r.Int64())
		case "tags":
			for ok := r.BeginArray(); ok && r.More(); {
				fmt.Println("tag:", r.String())
			}
		default:
			fmt.Println("kept:", r.Raw())
		}
	}
	r.End()
	fmt.Println("error:", r.Err())
	for _, f := range r.Faults() {
		fmt.Printf("%s: %s, got %s\n", f.Path, f.Message, f.Found)
	}
	// Output:
	// limit: 0
	// tag: a
	// tag: b
	// kept: {"size": 9007199254740993}
	// error: <nil>
	// limit: must be an integer, got "many"
}

func ExampleFrom() {
	text, err := jsonio.From(map[string]any{"score": 1.0, "files": []string{"a.py"}})
	fmt.Println(text, err)
	// Output: {"files":["a.py"],"score":1.0} <nil>
}
