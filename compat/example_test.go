package compat_test

import (
	"context"
	"fmt"
	"os"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/omninode/trestle/tools/load"
)

func Example() {
	old, err := load.Schemas(context.Background(), load.FS(os.DirFS("testdata/ENUM_VALUE_ADDED/json/old")))
	if err != nil {
		fmt.Println(err)
		return
	}
	new, err := load.Schemas(context.Background(), load.FS(os.DirFS("testdata/ENUM_VALUE_ADDED/json/new")))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := compat.Compare(old, new, compat.Options{Mode: compat.ModeFull})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Findings[0].Rule, "at", r.Findings[0].Pos)
	fmt.Println(report.Summary(r, "main") + "; " + report.Deploy(r))
	// Output:
	// ENUM_VALUE_ADDED at shop/v1/order.json:26:9
	// 1 breaking change in 1 of 1 event (against main); deploy consumers first: old ones do not take new events
}
