// Package acl brings what a cluster lets users do to what is declared, and says beforehand what that would change.
//
//	plan, err := acl.NewPlan(ctx, cl, declared, principals)
//	if err != nil {
//		return err
//	}
//	for _, b := range plan.Bindings {
//		fmt.Println(b.Action, b.Binding)
//	}
//	err = plan.Apply(ctx, cl, false)
//
// A plan takes nothing away unless it is told to, and then from the principals alone that it was made for. What a credential may do, as the cluster
// itself says, [Ask] finds out.
package acl
