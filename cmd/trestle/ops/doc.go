// Package ops is what the trestle command does, without the command: functions that take a project and an environment and
// return values. They print nothing and know no flags, so that a console or a program of yours can call them.
//
//	project, err := ops.Open("shop")
//	if err != nil {
//		return err
//	}
//	report, err := ops.Check(ctx, project, ops.CheckOptions{Against: []string{"git#HEAD"}})
//	if err != nil {
//		return err
//	}
//	for _, f := range report.Findings {
//		fmt.Println(f.Rule, f.Path)
//	}
//
// A [Project] is a folder with a trestle.yaml. An [Environment] says where a cluster, a registry and a trace store are;
// [Project.Environment] finds it. Results have the JSON that the command prints. What takes long reports its progress to a
// function among its options.
package ops
