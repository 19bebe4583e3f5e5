package trestle

import "sync"

// outputs are what a handler has published that goes with the commit of its event.
type outputs struct {
	mu   sync.Mutex
	all  []*sending
	over bool // the handler has returned
}

// add says false once the handler has returned.
func (o *outputs) add(s *sending) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.all = append(o.all, s)
	}
	return !o.over
}

// end takes no more, and returns what there is.
func (o *outputs) end() []*sending {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	return o.all
}
