// Package topics brings a cluster's topics to what is declared, and says beforehand what that would change.
//
//	plan, err := topics.NewPlan(ctx, cl, specs)
//	if err != nil {
//		return err
//	}
//	for _, t := range plan.Topics {
//		fmt.Println(t.Action, t.Name)
//	}
//	err = plan.Apply(ctx, cl)
//
// A plan never deletes a topic, never takes partitions away and leaves settings alone that nobody declared.
package topics
