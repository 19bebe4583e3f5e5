package confluent

import "time"

// SetNow has the cipher go by another clock.
func (c *Cipher) SetNow(now func() time.Time) { c.keys.now = now }
