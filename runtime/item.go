package trestle

import "context"

// Item is an event of a batch.
type Item[E any] struct {
	Event *E
	// Delivery says which record it came in. It is not to be changed.
	Delivery *Delivery
	handling *handling
}

// Context returns a context in which ctx, that of the call, is about this event alone: what is published with it has the event's
// correlation and session ids and names it as its cause, and, with [WithTransactions], goes with its commit. [DeliveryFrom] and [IdentityFrom]
// are about it, too. Of an item that comes of no consumer it is ctx.
func (i Item[E]) Context(ctx context.Context) context.Context {
	if i.handling == nil {
		return ctx
	}
	return &itemContext{ctx, i.handling}
}

// itemContext is the context of an event of a batch.
type itemContext struct {
	context.Context
	item *handling
}

// Value implements [context.Context].
func (c *itemContext) Value(key any) any {
	switch key {
	case handlingKey{}:
		return c.item
	case itemKey{}:
		return true
	}
	return c.Context.Value(key)
}

// itemKey is what the context of an event of a batch carries.
type itemKey struct{}
